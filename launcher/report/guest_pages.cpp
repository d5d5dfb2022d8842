// SPDX-License-Identifier: Apache-2.0
#include "launcher/report/guest_pages.hpp"

#include <algorithm>

#include <husk/abi/machine.hpp>

namespace husk::report {

namespace {

namespace pte = abi::pte;

constexpr int top_level = 4;           // PML4 [sdm3 4.5]; level 1 is the page table
constexpr int largest_leaf_level = 3;  // 1 GiB
constexpr std::uint64_t user_half_end = 1ull << 47;
constexpr std::uint64_t entries_budget = 64 << 20;  // a table that points at itself must not keep us for ever

// Bytes that one entry of a table at this level covers.
constexpr std::uint64_t entry_span(int level) { return abi::page_size << (9 * (level - 1)); }

bool is_leaf(std::uint64_t entry, int level) {
    return level == 1 || (level <= largest_leaf_level && (entry & pte::large) != 0);
}

abi::GuestPhys leaf_frame(std::uint64_t entry, int level) {
    return {abi::align_down(entry & pte::address_mask, entry_span(level))};
}

}  // namespace

struct GuestPages::Walk {
    std::uint64_t begin;
    std::uint64_t end;
    const std::function<bool(const GuestPage&)>& on_page;
    std::uint64_t entries_left = entries_budget;
};

bool GuestPages::copy_in(abi::GuestVirt from, std::span<std::byte> to) const {
    while (!to.empty()) {
        const std::uint64_t in_page = abi::page_size - from.value % abi::page_size;
        const auto piece = to.first(std::min<std::uint64_t>(to.size(), in_page));
        const auto physical = try_translate(from);
        if (!physical || !memory_.copy_in(*physical, piece)) return false;
        to = to.subspan(piece.size());
        from = from + piece.size();
    }
    return true;
}

bool GuestPages::copy_out(abi::GuestVirt to, std::span<const std::byte> from) const {
    while (!from.empty()) {
        const std::uint64_t in_page = abi::page_size - to.value % abi::page_size;
        const auto piece = from.first(std::min<std::uint64_t>(from.size(), in_page));
        const auto physical = try_translate(to);
        if (!physical || !memory_.copy_out(*physical, piece)) return false;
        from = from.subspan(piece.size());
        to = to + piece.size();
    }
    return true;
}

bool GuestPages::for_each_page(abi::GuestVirt begin, abi::GuestVirt end,
                               const std::function<bool(const GuestPage&)>& on_page) const {
    Walk walk{abi::align_down(begin.value, abi::page_size), std::min(end.value, user_half_end), on_page};
    return walk_table(walk, root_, top_level, 0);
}

std::optional<abi::GuestPhys> GuestPages::try_translate(abi::GuestVirt address) const {
    if (address.value >= user_half_end) return std::nullopt;
    abi::GuestPhys table = root_;
    for (int level = top_level; level >= 1; --level) {
        const std::uint64_t index = address.value / entry_span(level) % pte::entries;
        const auto entry = memory_.copy_in<std::uint64_t>(table + index * sizeof(std::uint64_t));
        if (!entry || (*entry & pte::present) == 0) return std::nullopt;
        if (is_leaf(*entry, level)) return leaf_frame(*entry, level) + address.value % entry_span(level);
        table = {*entry & pte::address_mask};
    }
    return std::nullopt;
}

bool GuestPages::walk_table(Walk& walk, abi::GuestPhys table, int level, std::uint64_t table_begin) const {
    const std::uint64_t span = entry_span(level);
    const std::uint64_t first = walk.begin > table_begin ? (walk.begin - table_begin) / span : 0;
    for (std::uint64_t index = first; index < pte::entries; ++index) {
        const std::uint64_t begin = table_begin + index * span;
        if (begin >= walk.end) return true;
        if (walk.entries_left-- == 0) return false;
        const auto entry = memory_.copy_in<std::uint64_t>(table + index * sizeof(std::uint64_t));
        if (!entry || (*entry & pte::present) == 0) continue;
        const bool goes_on = is_leaf(*entry, level) ? visit_leaf(walk, *entry, level, begin)
                                                    : walk_table(walk, {*entry & pte::address_mask}, level - 1, begin);
        if (!goes_on) return false;
    }
    return true;
}

bool GuestPages::visit_leaf(const Walk& walk, std::uint64_t entry, int level, std::uint64_t leaf_begin) const {
    const std::uint64_t begin = std::max(walk.begin, leaf_begin);
    const std::uint64_t end = std::min(walk.end, leaf_begin + entry_span(level));
    if (begin >= end) return true;
    const auto bytes = memory_.try_span(leaf_frame(entry, level) + (begin - leaf_begin), end - begin);
    return bytes.empty() || walk.on_page({{begin}, bytes});
}

}  // namespace husk::report
