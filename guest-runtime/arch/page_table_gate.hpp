// SPDX-License-Identifier: Apache-2.0
// The only way page tables change: ring 0 copies entries into them and drops stale translations.
#pragma once

#include <cstdint>
#include <span>

#include <husk/abi/guest_address.hpp>

namespace husk::arch {

enum class Flush : std::uint8_t {
    none,  // only entries that were not present changed
    page,  // one page, `address`
    all,   // everything
};

// Copies `entries` into consecutive entries of the page table that begin at `first` (a gpa, 8-byte aligned; the entries
// do not cross a page). A call costs 5-8 us where ring 0 is emulated: batch. Reading page tables needs no gate
// (physmap).
void write_page_table(abi::GuestPhys first, std::span<const std::uint64_t> entries, Flush flush,
                      std::uint64_t address = 0);

// The same for words of the image that are mapped read-only everywhere in ring 3.
inline void write_constants(abi::GuestPhys first, std::span<const std::uint64_t> words) {
    write_page_table(first, words, Flush::none);
}

// Drops all translations that this vCPU holds.
void flush_translations();

}  // namespace husk::arch
