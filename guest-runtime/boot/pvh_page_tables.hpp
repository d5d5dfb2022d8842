// SPDX-License-Identifier: Apache-2.0
// Builds 4-level page tables before paging uses them.
#pragma once

#include <cstdint>

#include <husk/abi/boot_info.hpp>
#include <husk/abi/machine.hpp>

namespace husk::boot::pvh {

// Bits of a leaf besides its size; accessed and dirty are set in advance.
namespace access {
inline constexpr std::uint64_t leaf = abi::pte::present | abi::pte::accessed | abi::pte::dirty;
inline constexpr std::uint64_t read_only = leaf | abi::pte::user | abi::pte::no_execute;
inline constexpr std::uint64_t read_write = read_only | abi::pte::writable;
inline constexpr std::uint64_t execute = leaf | abi::pte::user;
inline constexpr std::uint64_t supervisor = leaf | abi::pte::writable | abi::pte::no_execute;
inline constexpr std::uint64_t uncached = 1u << 3 | 1u << 4;  // PWT, PCD
inline constexpr std::uint64_t device = read_write | uncached;
inline constexpr std::uint64_t supervisor_device = supervisor | uncached;
}  // namespace access

class PageTables {
public:
    // `pages` are below 4 GiB; they are zeroed when taken.
    PageTables(abi::PhysRange pages, bool has_giant_pages);

    // Maps [offset + range.begin, offset + range.end) to `range`, in the largest pages that fit, or in 4 KiB pages
    // only.
    void map(std::uint64_t offset, abi::PhysRange range, std::uint64_t bits, bool small_pages_only = false);

    [[nodiscard]] std::uint64_t root() const { return root_; }
    // What is left.
    [[nodiscard]] abi::PhysRange unused() const { return unused_; }

private:
    std::uint64_t take_page();
    std::uint64_t* entry_for(std::uint64_t va, unsigned level);

    abi::PhysRange unused_;
    unsigned largest_level_;
    std::uint64_t root_;
};

}  // namespace husk::boot::pvh
