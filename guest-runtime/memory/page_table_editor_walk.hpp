// SPDX-License-Identifier: Apache-2.0
// Page-table editor: creating tables, splitting large pages, removing and changing runs of leaves.
#pragma once

#include "guest-runtime/memory/page_table_editor.hpp"

namespace husk::memory {

// Writes `entries` into va's table of `level` and creates the tables that are missing on the way, lowest first.
template <class Access>
Result<> PageTableEditor<Access>::store(std::uint64_t va, unsigned level, Entries entries, arch::Flush flush) {
    abi::GuestPhys table = root_;
    unsigned at = 4;
    for (; at > level; --at) {
        std::uint64_t entry = access_.read(entry_at(table, va, at));
        if (entry == 0) break;
        if (is_leaf(entry)) return Errno::eexist;
        table = frame_behind(entry);
    }
    if (at == level) {
        access_.write(entry_at(table, va, level), entries, flush, va);
        return {};
    }
    abi::GuestPhys fresh[3] = {};
    unsigned missing = at - level;
    for (unsigned i = 0; i < missing; ++i) {
        auto taken = access_.take_table();
        if (!taken.ok()) {
            while (i-- > 0) access_.give_table(fresh[i]);
            return taken.error();
        }
        fresh[i] = taken.value();
    }
    fill(fresh[0], index_of(va, level), entries);
    for (unsigned i = 1; i < missing; ++i) {
        std::uint64_t link = link_to(fresh[i - 1]);
        fill(fresh[i], index_of(va, level + i), {&link, 1});
    }
    std::uint64_t link = link_to(fresh[missing - 1]);
    access_.write(entry_at(table, va, at), {&link, 1}, arch::Flush::none, va);
    return {};
}

// A new table that holds only `entries`. What differs from its old contents is written: most tables are 0 already.
template <class Access>
void PageTableEditor<Access>::fill(abi::GuestPhys table, std::uint64_t first, Entries entries) {
    std::ranges::fill(fill_, 0);
    std::ranges::copy(entries, fill_ + first);
    std::uint64_t begin = 0;
    std::uint64_t end = abi::pte::entries;
    while (begin < end && access_.read(table + 8 * begin) == fill_[begin]) ++begin;
    while (end > begin && access_.read(table + 8 * (end - 1)) == fill_[end - 1]) --end;
    if (begin != end) access_.write(table + 8 * begin, {fill_ + begin, end - begin}, arch::Flush::none, 0);
}

// Replaces the large leaf `entry` of va's `slot` by a table of its pieces, each as change(piece_va, piece) makes it.
template <class Access>
template <class Change>
Result<> PageTableEditor<Access>::split(abi::GuestPhys slot, std::uint64_t entry, std::uint64_t va, unsigned level,
                                        Change change) {
    abi::GuestPhys table = HUSK_TRY(access_.take_table());
    std::uint64_t step = span_of(level - 1);
    std::uint64_t base = abi::align_down(va, span_of(level));
    std::uint64_t piece = level == 2 ? entry & ~abi::pte::large : entry;
    for (std::uint64_t i = 0; i < abi::pte::entries; ++i) fill_[i] = change(base + i * step, piece + i * step);
    access_.write(table, fill_, arch::Flush::none, 0);
    std::uint64_t link = link_to(table);
    access_.write(slot, {&link, 1}, arch::Flush::all, va);
    if ((entry & page_bit::owned) != 0) access_.split_block(frame_behind(entry));
    return {};
}

template <class Access>
template <class Removed>
Result<> PageTableEditor<Access>::unmap(std::uint64_t begin, std::uint64_t end, Removed removed) {
    for (std::uint64_t va = begin; va < end;) {
        const abi::GuestPhys* found = find_table(va, 2);
        if (found == nullptr) {
            va = skip_missing(va, 2);
            continue;
        }
        abi::GuestPhys directory = *found;
        if (va % abi::large_page_size == 0 && end - va >= abi::large_page_size) {
            std::uint64_t slots = std::min((end - va) / abi::large_page_size, abi::pte::entries - index_of(va, 2));
            unmap_slots(directory, va, slots, removed);
            va += slots * abi::large_page_size;
            continue;
        }
        std::uint64_t stop = std::min(end, abi::align_down(va, abi::large_page_size) + abi::large_page_size);
        abi::GuestPhys slot = entry_at(directory, va, 2);
        std::uint64_t entry = access_.read(slot);
        if (entry != 0 && is_leaf(entry)) {
            HUSK_TRY(split(slot, entry, va, 2, [&](std::uint64_t piece_va, std::uint64_t piece) {
                return piece_va >= va && piece_va < stop ? 0 : piece;
            }));
            for (std::uint64_t at = va; at < stop; at += abi::page_size) {
                removed((entry & ~abi::pte::large) + at % abi::large_page_size, false);
            }
        } else if (entry != 0) {
            std::uint64_t count = (stop - va) / abi::page_size;
            Entries run = read_run(frame_behind(entry), index_of(va, 1), count);
            std::uint64_t first = 0;
            while (first < count && run[first] == 0) ++first;
            while (count > first && run[count - 1] == 0) --count;
            if (count > first) {
                std::fill_n(fill_, count - first, 0);
                arch::Flush flush = count - first == 1 ? arch::Flush::page : arch::Flush::all;
                std::uint64_t at = va + first * abi::page_size;
                access_.write(entry_at(frame_behind(entry), at, 1), {fill_, count - first}, flush, at);
            }
            for (; first < count; ++first) {
                if (run[first] != 0) removed(run[first], false);
            }
        }
        va = stop;
    }
    return {};
}

// Clears whole 2 MiB slots of a page directory; page tables below them are free again.
template <class Access>
template <class Removed>
void PageTableEditor<Access>::unmap_slots(abi::GuestPhys table, std::uint64_t va, std::uint64_t count,
                                          Removed removed) {
    Entries run = read_run(table, index_of(va, 2), count);
    std::uint64_t first = 0;
    while (first < count && run[first] == 0) ++first;
    while (count > first && run[count - 1] == 0) --count;
    if (count == first) return;
    std::fill_n(fill_, count - first, 0);
    access_.write(table + 8 * (index_of(va, 2) + first), {fill_, count - first}, arch::Flush::all, va);
    for (; first < count; ++first) {
        if (run[first] == 0) continue;
        if (is_leaf(run[first])) {
            removed(run[first], true);
            continue;
        }
        abi::GuestPhys pages = frame_behind(run[first]);
        for (std::uint64_t i = 0; i < abi::pte::entries; ++i) {
            std::uint64_t entry = access_.read(pages + 8 * i);
            if (entry != 0) removed(entry, false);
        }
        access_.give_table(pages);
    }
}

template <class Access>
template <class Change>
Result<> PageTableEditor<Access>::change_leaves(std::uint64_t begin, std::uint64_t end, Change change) {
    auto keep = [](std::uint64_t, std::uint64_t piece) { return piece; };
    for (std::uint64_t va = begin; va < end;) {
        const abi::GuestPhys* found = find_table(va, 2);
        if (found == nullptr) {
            const abi::GuestPhys* upper = find_table(va, 3);
            abi::GuestPhys slot = upper != nullptr ? entry_at(*upper, va, 3) : abi::GuestPhys{};
            std::uint64_t entry = upper != nullptr ? access_.read(slot) : 0;
            if (entry != 0) {
                HUSK_TRY(split(slot, entry, va, 3, keep));
            } else {
                va = skip_missing(va, 2);
            }
            continue;
        }
        abi::GuestPhys directory = *found;
        if (va % abi::large_page_size == 0 && end - va >= abi::large_page_size) {
            std::uint64_t slots = std::min((end - va) / abi::large_page_size, abi::pte::entries - index_of(va, 2));
            change_run(directory, va, 2, slots, change);
            for (; slots > 0; --slots, va += abi::large_page_size) {
                std::uint64_t entry = access_.read(entry_at(directory, va, 2));
                if (entry != 0 && !is_leaf(entry)) change_run(frame_behind(entry), va, 1, abi::pte::entries, change);
            }
            continue;
        }
        std::uint64_t stop = std::min(end, abi::align_down(va, abi::large_page_size) + abi::large_page_size);
        abi::GuestPhys slot = entry_at(directory, va, 2);
        std::uint64_t entry = access_.read(slot);
        if (entry != 0 && is_leaf(entry)) {
            if (change(entry) != entry) {
                HUSK_TRY(split(slot, entry, va, 2, [&](std::uint64_t piece_va, std::uint64_t piece) {
                    return piece_va >= va && piece_va < stop ? change(piece) : piece;
                }));
            }
        } else if (entry != 0) {
            change_run(frame_behind(entry), va, 1, (stop - va) / abi::page_size, change);
        }
        va = stop;
    }
    return {};
}

// Changes the leaves among `count` consecutive entries with one write.
template <class Access>
template <class Change>
void PageTableEditor<Access>::change_run(abi::GuestPhys table, std::uint64_t va, unsigned level, std::uint64_t count,
                                         Change change) {
    Entries run = read_run(table, index_of(va, level), count);
    std::uint64_t first = count;
    std::uint64_t last = 0;
    bool was_visible = false;
    for (std::uint64_t i = 0; i < count; ++i) {
        bool is_table = level == 2 && !is_leaf(run[i]);
        fill_[i] = run[i] == 0 || is_table ? run[i] : change(run[i]);
        if (fill_[i] == run[i]) continue;
        first = std::min(first, i);
        last = i;
        was_visible = was_visible || is_present(run[i]);
    }
    if (first == count) return;
    arch::Flush flush = !was_visible ? arch::Flush::none : first == last ? arch::Flush::page : arch::Flush::all;
    access_.write(table + 8 * (index_of(va, level) + first), {fill_ + first, last - first + 1}, flush,
                  va + first * span_of(level));
}

template <class Access>
template <class Visit>
void PageTableEditor<Access>::visit_leaves(std::uint64_t begin, std::uint64_t end, Visit visit) {
    for (std::uint64_t va = begin; va < end;) {
        const abi::GuestPhys* pages = find_table(va, 1);
        if (pages == nullptr) {
            Found found = lookup(va);
            if (found.entry != 0) visit(va, found.entry, found.level);
            va = abi::align_down(va, span_of(found.level)) + span_of(found.level);
            continue;
        }
        abi::GuestPhys table = *pages;
        std::uint64_t stop = std::min(end, abi::align_down(va, abi::large_page_size) + abi::large_page_size);
        for (; va < stop; va += abi::page_size) {
            std::uint64_t entry = access_.read(entry_at(table, va, 1));
            if (entry != 0) visit(va, entry, 1u);
        }
    }
}

}  // namespace husk::memory
