// SPDX-License-Identifier: Apache-2.0
// An image as the launcher needs it: segments, note and patch table, every field checked.
//
//   Image image = open_image("./app");   // or an Error that says what is wrong with the file
//   for (const Segment& segment : image.segments) ...
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include <husk/abi/guest_address.hpp>
#include <husk/abi/image_note.hpp>
#include <husk/abi/patch_table.hpp>

#include "launcher/host/file_descriptor.hpp"

namespace husk::image {

// A PT_LOAD. No two share a page; all lie within [lowest_address, highest_address).
struct Segment {
    abi::GuestVirt begin;
    std::uint64_t file_offset = 0;
    std::uint64_t file_bytes = 0;    // <= memory_bytes; the rest is zero
    std::uint64_t memory_bytes = 0;  // > 0
    bool readable = false;
    bool writable = false;  // never together with executable
    bool executable = false;
};

struct Image {
    host::FileDescriptor file;
    std::uint64_t entry = 0;  // of the application: glibc's _start
    abi::ImageNote note{};
    std::vector<Segment> segments;         // by address
    std::vector<abi::PatchEntry> patches;  // as the file has them: the loader checks each before it writes
    abi::PatchTable patch_header{};        // all zero: the image has no table
};

// Throws host::Error.
[[nodiscard]] Image open_image(const std::filesystem::path& path);

}  // namespace husk::image
