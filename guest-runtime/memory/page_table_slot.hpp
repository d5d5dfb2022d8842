// SPDX-License-Identifier: Apache-2.0
// The page table of one aligned 2 MiB, filled by one vCPU while others fill those of other places.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include <husk/abi/guest_address.hpp>
#include <husk/abi/machine.hpp>

#include "guest-runtime/arch/page_table_gate.hpp"
#include "guest-runtime/memory/page_entry.hpp"

namespace husk::memory {

// Access as for PageTableEditor, whose state this does not use. Nobody changes what leads to the slot meanwhile, and
// nobody else uses the same slot.
template <class Access>
class PageTableSlot {
public:
    PageTableSlot(Access& access, abi::GuestPhys root, std::uint64_t va) : access_(access) {
        abi::GuestPhys table = root;
        for (unsigned level = 4; level > 2; --level) {
            std::uint64_t entry = access_.read(table + 8 * index_of(va, level));
            if (entry == 0 || is_large(entry)) return;
            table = frame_behind(entry);
        }
        place_ = table + 8 * index_of(va, 2);
        entry_ = access_.read(place_);
    }

    // A directory leads here; else all others are meaningless.
    [[nodiscard]] bool is_reachable() const { return place_.value != 0; }
    [[nodiscard]] bool has_table() const { return entry_ != 0 && !is_large(entry_); }
    // The leaf for va, or 0.
    [[nodiscard]] std::uint64_t lookup(std::uint64_t va) const {
        return has_table() ? access_.read(entry_of(va)) : entry_;
    }
    [[nodiscard]] bool is_empty() const {
        if (!has_table()) return entry_ == 0;
        for (std::uint64_t i = 0; i < abi::pte::entries; ++i) {
            if (access_.read(frame_behind(entry_) + 8 * i) != 0) return false;
        }
        return true;
    }

    // Where there is neither a table nor a leaf.
    void map_large(std::uint64_t entry) { set(entry); }
    // The same; `table` may hold anything.
    void add_table(abi::GuestPhys table) {
        // Most are 0 already, or nearly.
        static constexpr std::array<std::uint64_t, 64> empty{};
        for (std::uint64_t i = 0; i < abi::pte::entries;) {
            bool is_zero = access_.read(table + 8 * i) == 0;
            if (!is_zero) access_.write(table + 8 * abi::align_down(i, 64), empty, arch::Flush::none, 0);
            i = is_zero ? i + 1 : abi::align_down(i, 64) + 64;
        }
        set(table.value | abi::pte::table);
    }
    // Where has_table(), and the pages were empty.
    void map_pages(std::uint64_t va, std::span<const std::uint64_t> entries) {
        access_.write(entry_of(va), entries, arch::Flush::none, va);
    }

private:
    static constexpr std::uint64_t index_of(std::uint64_t va, unsigned level) {
        return va >> (12 + 9 * (level - 1)) & (abi::pte::entries - 1);
    }
    [[nodiscard]] abi::GuestPhys entry_of(std::uint64_t va) const { return frame_behind(entry_) + 8 * index_of(va, 1); }
    void set(std::uint64_t entry) {
        access_.write(place_, {&entry, 1}, arch::Flush::none, 0);
        entry_ = entry;
    }

    Access& access_;
    abi::GuestPhys place_ = {};
    std::uint64_t entry_ = 0;
};

}  // namespace husk::memory
