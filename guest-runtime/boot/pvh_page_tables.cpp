// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/boot/pvh_page_tables.hpp"

#include <husk/abi/guest_address.hpp>

#include "guest-runtime/base/string.hpp"
#include "guest-runtime/boot/pvh_failure.hpp"
#include "guest-runtime/boot/pvh_start_info.hpp"

namespace husk::boot::pvh {

namespace {

constexpr unsigned root_level = 3;
constexpr unsigned shift_of(unsigned level) { return 12 + 9 * level; }
constexpr std::uint64_t bytes_of(unsigned level) { return std::uint64_t{1} << shift_of(level); }

}  // namespace

PageTables::PageTables(abi::PhysRange pages, bool has_giant_pages)
    : unused_(pages), largest_level_(has_giant_pages ? 2 : 1), root_(take_page()) {}

std::uint64_t PageTables::take_page() {
    if (unused_.begin == unused_.end) fail("the page tables do not fit");
    std::uint64_t page = unused_.begin;
    unused_.begin += abi::page_size;
    memset(pointer_to<void>(page), 0, abi::page_size);
    return page;
}

std::uint64_t* PageTables::entry_for(std::uint64_t va, unsigned level) {
    std::uint64_t table = root_;
    for (unsigned above = root_level;; --above) {
        std::uint64_t* entry = pointer_to<std::uint64_t>(table) + (va >> shift_of(above)) % abi::pte::entries;
        if (above == level) return entry;
        if (*entry == 0) *entry = take_page() | abi::pte::table;
        table = *entry & abi::pte::address_mask;
    }
}

void PageTables::map(std::uint64_t offset, abi::PhysRange range, std::uint64_t bits, bool small_pages_only) {
    while (range.begin < range.end) {
        std::uint64_t va = offset + range.begin;
        unsigned level = small_pages_only ? 0 : largest_level_;
        while (level != 0 && ((va | range.begin) % bytes_of(level) != 0 || range.end - range.begin < bytes_of(level))) {
            --level;
        }
        *entry_for(va, level) = range.begin | bits | (level != 0 ? abi::pte::large : 0);
        range.begin += bytes_of(level);
    }
}

}  // namespace husk::boot::pvh
