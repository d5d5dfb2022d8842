// SPDX-License-Identifier: Apache-2.0
// Changes 4-level page tables run by run; how an entry is read and written is a parameter, so that a test can watch
// every state in between.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include <husk/abi/guest_address.hpp>
#include <husk/abi/machine.hpp>

#include "guest-runtime/arch/page_table_gate.hpp"
#include "guest-runtime/base/result.hpp"
#include "guest-runtime/memory/page_entry.hpp"

namespace husk::memory {

// Levels count as in the SDM: 4 is the root, 2 holds large pages, 1 holds pages. Access is
//   std::uint64_t read(abi::GuestPhys entry);
//   void write(abi::GuestPhys first, std::span<const std::uint64_t> entries, arch::Flush flush, std::uint64_t address);
//   Result<abi::GuestPhys> take_table();         // any contents
//   void give_table(abi::GuestPhys table);       // nothing points at it any more
//   void split_block(abi::GuestPhys block);      // an owned large page becomes single frames
// A table is filled before it is linked; a frame is reported as removed after no translation leads to it.
template <class Access>
class PageTableEditor {
public:
    constexpr explicit PageTableEditor(Access access) : access_(access) {}

    void set_root(abi::GuestPhys root) { root_ = root; }
    [[nodiscard]] abi::GuestPhys root() const { return root_; }
    [[nodiscard]] Access& access() { return access_; }

    static constexpr std::uint64_t span_of(unsigned level) { return abi::page_size << (9 * (level - 1)); }
    static constexpr std::uint64_t index_of(std::uint64_t va, unsigned level) {
        return va / span_of(level) % abi::pte::entries;
    }

    struct Found {
        std::uint64_t entry;  // a leaf, or 0
        unsigned level;       // where the walk ended
    };
    [[nodiscard]] Found lookup(std::uint64_t va) {
        abi::GuestPhys table = root_;
        for (unsigned level = 4;; --level) {
            std::uint64_t entry = access_.read(entry_at(table, va, level));
            if (level == 1 || is_leaf(entry)) return {entry, level};
            if (entry == 0) return {0, level};
            table = frame_behind(entry);
        }
    }

    // Writes `entries` for consecutive pages from `va` on; the run stays inside one page table. Flush::none when all
    // of them were empty.
    Result<> map_pages(std::uint64_t va, std::span<const std::uint64_t> entries, arch::Flush flush) {
        return store(va, 1, entries, flush);
    }

    // True when no page of the aligned 2 MiB around `va` is mapped.
    [[nodiscard]] bool is_large_slot_empty(std::uint64_t va) {
        Found found = lookup(va);
        if (found.entry != 0) return false;
        if (found.level != 1) return true;
        abi::GuestPhys table = *find_table(va, 1);
        return std::ranges::all_of(read_run(table, 0, abi::pte::entries), [](std::uint64_t e) { return e == 0; });
    }
    // Maps a large page where is_large_slot_empty().
    Result<> map_large(std::uint64_t va, std::uint64_t entry) {
        abi::GuestPhys* old_table = find_table(va, 1);
        if (old_table == nullptr) return store(va, 2, {&entry, 1}, arch::Flush::none);
        abi::GuestPhys empty = *old_table;
        auto stored = store(va, 2, {&entry, 1}, arch::Flush::page);
        access_.give_table(empty);
        return stored;
    }

    // Takes every leaf in [begin, end) away and then calls removed(entry, is_large) for each. Needs up to two tables.
    template <class Removed>
    Result<> unmap(std::uint64_t begin, std::uint64_t end, Removed removed);
    // Replaces each leaf by change(leaf), which keeps its frame. Needs up to two tables, in giant pages up to four.
    template <class Change>
    Result<> change_leaves(std::uint64_t begin, std::uint64_t end, Change change);
    // Moves all leaves of [from, from + size) to the empty range at `to`. Needs a table for each 2 MiB and six more.
    Result<> move(std::uint64_t from, std::uint64_t to, std::uint64_t size_bytes);
    // Calls visit(va, leaf, level) in order.
    template <class Visit>
    void visit_leaves(std::uint64_t begin, std::uint64_t end, Visit visit);

private:
    using Entries = std::span<const std::uint64_t>;

    static constexpr bool is_leaf(std::uint64_t entry) { return is_large(entry); }  // above level 1
    static constexpr abi::GuestPhys entry_at(abi::GuestPhys table, std::uint64_t va, unsigned level) {
        return table + 8 * index_of(va, level);
    }
    static constexpr std::uint64_t link_to(abi::GuestPhys table) { return table.value | abi::pte::table; }

    // The table of `level` that holds va's entry, or nullptr where the path ends earlier. Valid until the next call.
    abi::GuestPhys* find_table(std::uint64_t va, unsigned level) {
        found_table_ = root_;
        for (unsigned at = 4; at > level; --at) {
            std::uint64_t entry = access_.read(entry_at(found_table_, va, at));
            if (entry == 0 || is_leaf(entry)) return nullptr;
            found_table_ = frame_behind(entry);
        }
        return &found_table_;
    }
    // Where the next entry begins that a missing table of `level` cannot cover.
    std::uint64_t skip_missing(std::uint64_t va, unsigned level) {
        while (level < 4 && find_table(va, level + 1) == nullptr) ++level;
        return abi::align_down(va, span_of(level + 1)) + span_of(level + 1);
    }

    Entries read_run(abi::GuestPhys table, std::uint64_t first, std::uint64_t count) {
        for (std::uint64_t i = 0; i < count; ++i) run_[i] = access_.read(table + 8 * (first + i));
        return {run_, count};
    }
    Result<> store(std::uint64_t va, unsigned level, Entries entries, arch::Flush flush);
    void fill(abi::GuestPhys table, std::uint64_t first, Entries entries);
    template <class Change>
    Result<> split(abi::GuestPhys slot, std::uint64_t entry, std::uint64_t va, unsigned level, Change change);

    template <class Removed>
    void unmap_slots(abi::GuestPhys table, std::uint64_t va, std::uint64_t count, Removed removed);
    template <class Change>
    void change_run(abi::GuestPhys table, std::uint64_t va, unsigned level, std::uint64_t count, Change change);
    Result<> move_run(std::uint64_t from, std::uint64_t to, unsigned level, std::uint64_t count);

    Access access_;
    abi::GuestPhys root_ = {};
    abi::GuestPhys found_table_ = {};
    // Of one operation, under the lock of the only address space: not in the object, which is initialised data of every
    // image.
    static inline std::uint64_t run_[abi::pte::entries] = {};   // entries as they were before a change
    static inline std::uint64_t fill_[abi::pte::entries] = {};  // contents of a new table
};

}  // namespace husk::memory

#include "guest-runtime/memory/page_table_editor_move.hpp"
#include "guest-runtime/memory/page_table_editor_walk.hpp"
