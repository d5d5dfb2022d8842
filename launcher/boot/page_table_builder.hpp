// SPDX-License-Identifier: Apache-2.0
// Long-mode page tables, built from nothing in a range of zeroed pages [sdm3 4.5].
//
//   PageTableBuilder tables(words, begin, PageSize::giant);
//   if (!tables.map({virt}, {phys}, size_bytes, {.user = true}, PageSize::large)) ...   // out of pages
//   cr3 = tables.root();
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <husk/abi/guest_address.hpp>

namespace husk::boot {

// Each is one level of the tables higher.
enum class PageSize : unsigned { small = 0, large = 1, giant = 2 };

struct Access {
    bool user = false;
    bool writable = false;
    bool executable = false;
};

class PageTableBuilder final {
public:
    // words: whole zeroed pages, the first at begin; they become tables in order. largest: what the CPU knows.
    PageTableBuilder(std::span<std::uint64_t> words, abi::GuestPhys begin, PageSize largest);

    // Maps [virt, virt + size) to [phys, phys + size), all multiples of the page size, nothing of it mapped before, in
    // the largest pages up to `largest` that alignment and size allow. false: no room for another table.
    [[nodiscard]] bool map(abi::GuestVirt virt, abi::GuestPhys phys, std::uint64_t size_bytes, Access access,
                           PageSize largest);

    [[nodiscard]] abi::GuestPhys root() const { return begin_; }

    // End of the tables in use; the pages from here on are untouched.
    [[nodiscard]] abi::GuestPhys end() const { return begin_ + pages_used_ * abi::page_size; }

private:
    static constexpr unsigned root_level = 3;

    // The entries of the table that holds `virt` at `level`; empty when there is no room to make it.
    [[nodiscard]] std::span<std::uint64_t> table_for(abi::GuestVirt virt, unsigned level);
    [[nodiscard]] std::span<std::uint64_t> table_at(abi::GuestPhys table) const;
    [[nodiscard]] bool take_page(std::uint64_t& entry);

    std::span<std::uint64_t> words_;
    abi::GuestPhys begin_;
    PageSize largest_;
    std::uint64_t pages_used_ = 1;  // the root
};

}  // namespace husk::boot
