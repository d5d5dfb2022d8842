// SPDX-License-Identifier: Apache-2.0
#include "launcher/boot/page_table_builder.hpp"

#include <algorithm>
#include <cassert>

#include <husk/abi/machine.hpp>

namespace husk::boot {

namespace pte = abi::pte;

namespace {

constexpr unsigned shift_of(unsigned level) { return 12 + 9 * level; }
constexpr std::uint64_t bytes_of(unsigned level) { return std::uint64_t{1} << shift_of(level); }
constexpr std::size_t index_of(abi::GuestVirt virt, unsigned level) {
    return (virt.value >> shift_of(level)) & (pte::entries - 1);
}

std::uint64_t leaf_bits(Access access, unsigned level) {
    std::uint64_t bits = pte::present | pte::accessed | pte::dirty;
    if (access.user) bits |= pte::user;
    if (access.writable) bits |= pte::writable;
    if (!access.executable) bits |= pte::no_execute;
    if (level != 0) bits |= pte::large;
    return bits;
}

// Largest level whose pages begin at both addresses and are not longer than the range.
unsigned leaf_level(abi::GuestVirt virt, abi::GuestPhys phys, std::uint64_t size_bytes, unsigned largest) {
    unsigned level = largest;
    while (level != 0 && (((virt.value | phys.value) & (bytes_of(level) - 1)) != 0 || size_bytes < bytes_of(level)))
        --level;
    return level;
}

}  // namespace

PageTableBuilder::PageTableBuilder(std::span<std::uint64_t> words, abi::GuestPhys begin, PageSize largest)
    : words_(words), begin_(begin), largest_(largest) {
    assert(words.size() >= pte::entries && words.size() % pte::entries == 0 && begin.is_aligned(abi::page_size));
}

bool PageTableBuilder::map(abi::GuestVirt virt, abi::GuestPhys phys, std::uint64_t size_bytes, Access access,
                           PageSize largest) {
    assert(virt.is_aligned(abi::page_size) && phys.is_aligned(abi::page_size) && size_bytes % abi::page_size == 0);
    const unsigned limit = static_cast<unsigned>(std::min(largest, largest_));
    while (size_bytes != 0) {
        const unsigned level = leaf_level(virt, phys, size_bytes, limit);
        const std::uint64_t step = bytes_of(level);
        const std::uint64_t bits = leaf_bits(access, level);
        const std::span<std::uint64_t> table = table_for(virt, level);
        if (table.empty()) return false;
        // As many pages of this size as the table has entries for, but no smaller ones than would fit further on.
        const std::size_t first = index_of(virt, level);
        std::size_t count = std::min<std::uint64_t>(pte::entries - first, size_bytes / step);
        if (level < limit) {
            const std::uint64_t to_boundary = bytes_of(level + 1) - (virt.value & (bytes_of(level + 1) - 1));
            count = std::min<std::uint64_t>(count, to_boundary / step);
        }
        for (std::size_t i = first; i < first + count; ++i) {
            assert(table[i] == 0);
            table[i] = phys.value | bits;
            phys = phys + step;
        }
        virt = virt + count * step;
        size_bytes -= count * step;
    }
    return true;
}

std::span<std::uint64_t> PageTableBuilder::table_for(abi::GuestVirt virt, unsigned level) {
    std::span<std::uint64_t> table = table_at(begin_);
    for (unsigned above = root_level; above > level; --above) {
        std::uint64_t& entry = table[index_of(virt, above)];
        assert((entry & pte::large) == 0 || above == root_level);
        if (entry == 0 && !take_page(entry)) return {};
        table = table_at({entry & pte::address_mask});
    }
    return table;
}

std::span<std::uint64_t> PageTableBuilder::table_at(abi::GuestPhys table) const {
    return words_.subspan((table - begin_) / sizeof(std::uint64_t), pte::entries);
}

bool PageTableBuilder::take_page(std::uint64_t& entry) {
    if ((pages_used_ + 1) * pte::entries > words_.size()) return false;
    entry = (begin_ + pages_used_ * abi::page_size).value | pte::table;
    ++pages_used_;
    return true;
}

}  // namespace husk::boot
