// SPDX-License-Identifier: Apache-2.0
#include "launcher/boot/apply_patches.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <vector>

#include <husk/abi/patch_table.hpp>

#include "launcher/host/error.hpp"

namespace husk::boot {

namespace {

constexpr std::size_t jump_bytes = 5;
constexpr std::size_t longest_site_bytes = 32;
constexpr std::byte opcode_jump{0xe9};
constexpr std::byte opcode_nop{0x90};
constexpr std::uint32_t state_applied = 1;

[[noreturn]] void refuse(const abi::PatchEntry& entry, const char* why) {
    throw host::Error(host::ExitCode::patch_table, "the image's patch table is wrong: the site at " +
                                                       std::to_string(entry.site) + " " + why +
                                                       "; link the image again");
}

bool is_code(const image::Image& image, std::uint64_t begin, std::uint64_t size_bytes) {
    return std::any_of(image.segments.begin(), image.segments.end(), [&](const image::Segment& segment) {
        return segment.executable && begin >= segment.begin.value &&
               begin - segment.begin.value <= segment.file_bytes &&
               size_bytes <= segment.file_bytes - (begin - segment.begin.value);
    });
}

void check(const image::Image& image, const abi::PatchEntry& entry) {
    if (entry.length < jump_bytes || entry.length > longest_site_bytes) refuse(entry, "has a length that no jump has");
    if (!is_code(image, entry.site, entry.length)) refuse(entry, "is not in the image's code");
    if (!is_code(image, entry.stub, 1)) refuse(entry, "leads out of the image's code");
}

std::array<std::byte, longest_site_bytes> jump(const abi::PatchEntry& entry) {
    std::array<std::byte, longest_site_bytes> bytes;
    bytes.fill(opcode_nop);
    bytes[0] = opcode_jump;
    const std::uint32_t distance = entry.stub - (entry.site + static_cast<std::uint32_t>(jump_bytes));
    std::memcpy(bytes.data() + 1, &distance, sizeof distance);
    return bytes;
}

}  // namespace

void apply_patches(const image::Image& image, const memory::GuestMemory& memory) {
    if (image.patches.empty()) return;
    const auto by_site = [](const abi::PatchEntry& a, const abi::PatchEntry& b) { return a.site < b.site; };
    std::vector<abi::PatchEntry> sorted;
    std::span<const abi::PatchEntry> entries = image.patches;
    if (!std::is_sorted(entries.begin(), entries.end(), by_site)) {
        sorted = image.patches;
        std::sort(sorted.begin(), sorted.end(), by_site);
        entries = sorted;
    }
    std::uint64_t previous_end = 0;
    for (const abi::PatchEntry& entry : entries) {
        check(image, entry);
        if (entry.site < previous_end) refuse(entry, "overlaps the one before it");
        previous_end = std::uint64_t{entry.site} + entry.length;
        const auto bytes = jump(entry);
        if (!memory.copy_out({entry.site}, std::span(bytes).first(entry.length)))
            refuse(entry, "is not in guest memory");
    }
    const std::uint64_t state = image.note.patch_table + offsetof(abi::PatchTable, state);
    if (!memory.copy_out({state}, std::as_bytes(std::span(&state_applied, 1))))
        throw host::Error(host::ExitCode::patch_table,
                          "the image's patch table is not in guest memory; link the image again");
}

}  // namespace husk::boot
