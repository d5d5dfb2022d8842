// SPDX-License-Identifier: Apache-2.0
// The image as part of the address space.
#pragma once

#include <cstdint>
#include <span>

#include "guest-runtime/base/result.hpp"
#include "guest-runtime/memory/page_entry.hpp"

namespace husk::memory {

// A PT_LOAD or a part of one: the launcher has mapped it, gpa equal to virtual address.
struct ImageSegment {
    std::uint64_t begin;  // need not be page-aligned
    std::uint64_t end;
    Protection protection;
    bool from_file;  // false: it begins with zeroes
};

// Makes ranges of the image's segments; the break begins behind the highest.
Result<> adopt_image(std::span<const ImageSegment> segments);

}  // namespace husk::memory
