// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/memory/attach_together.hpp"

#include <algorithm>

#include "guest-runtime/memory/attach.hpp"
#include "guest-runtime/memory/fault_access.hpp"
#include "guest-runtime/memory/page_table_slot.hpp"
#include "guest-runtime/memory/space.hpp"

namespace husk::memory {

namespace {

using Slot = PageTableSlot<LiveTables>;

Slot slot_around(std::uint64_t va) { return {space.tables().access(), space.tables().root(), va}; }

// Attaches what of [begin, end) is not yet, with the slot's lock held. False: not all of it, for want of something.
bool attach_in_slot(Slot& slot, const Mapping& mapping, std::uint64_t begin, std::uint64_t end) {
    if (!slot.is_reachable()) return false;
    std::uint64_t entries[run_pages];
    for (std::uint64_t va = begin; va < end;) {
        if (slot.lookup(va) != 0) {
            va += abi::page_size;
            continue;
        }
        std::uint64_t stop = std::min(end, va + eager_bytes);
        std::size_t count = 1;
        while (va + count * abi::page_size < stop && slot.lookup(va + count * abi::page_size) == 0) ++count;
        if (!slot.has_table()) {
            auto table = space.take_table_together();
            if (!table.ok()) return false;
            slot.add_table(table.value());
        }
        std::size_t got = allocate_run(mapping, {entries, count});
        if (got != 0) slot.map_pages(va, {entries, got});
        if (got != count) return false;
        va += count * abi::page_size;
    }
    return true;
}

bool attach_large_in(Slot& slot, const Mapping& mapping) {
    auto block = allocate_large(mapping);
    if (!block.ok()) return false;
    slot.map_large(large_entry(block.value(), page_bit::owned, mapping.kind.protection));
    return true;
}

// The lock of each slot in turn.
bool attach_range(const Mapping& mapping, std::uint64_t begin, std::uint64_t end) {
    for (std::uint64_t va = begin; va < end;) {
        std::uint64_t stop = std::min(end, end_of_slot(va));
        Guard guard(space.slot_lock(va));
        Slot slot = slot_around(va);
        if (!attach_in_slot(slot, mapping, va, stop)) return false;
        va = stop;
    }
    return true;
}

}  // namespace

std::optional<FaultAnswer> try_attach_together(std::uint64_t va, Access access) {
    SharedOperation operation;
    const Mapping* mapping = space.tree().find(va);
    if (mapping == nullptr) return FaultAnswer::not_mapped;
    if (!is_allowed(*mapping, access)) return FaultAnswer::not_allowed;
    Guard guard(space.slot_lock(va));
    Slot slot = slot_around(va);
    if (!slot.is_reachable()) return std::nullopt;
    std::uint64_t entry = slot.lookup(va);
    if (permits(entry, access)) return FaultAnswer::resolved;  // another vCPU was faster
    if (entry != 0 || mapping->source) return std::nullopt;

    if (may_be_large(*mapping, va) && slot.is_empty()) {
        // What is left of the slot's table would have to wait until nobody walks through it.
        if (slot.has_table() || !attach_large_in(slot, *mapping)) return std::nullopt;
        return FaultAnswer::resolved;
    }
    // Neighbours are a bonus: near the end of memory they must not take the frame that this page needs.
    if (!mapping->kind.charged && frame_counts().spare() < 2 * run_pages) return std::nullopt;
    auto [begin, end] = fault_window(*mapping, va);
    (void)attach_in_slot(slot, *mapping, begin, end);
    return slot.lookup(va) != 0 ? std::optional(FaultAnswer::resolved) : std::nullopt;
}

void attach_eagerly(std::uint64_t begin, std::uint64_t end) {
    {
        SharedOperation operation;
        const Mapping* mapping = space.tree().find(begin);
        // Somebody may have changed it since.
        if (mapping == nullptr || mapping->end < end || mapping->kind.image) return;
        Window window = eager_window(*mapping, begin, end);
        if (window.begin == window.end || attach_range(*mapping, window.begin, window.end)) return;
    }
    // The first pages of a GiB, or no page tables at hand.
    Operation operation;
    Mapping* mapping = space.tree().find(begin);
    if (mapping == nullptr || mapping->end < end || mapping->kind.image) return;
    Window window = eager_window(*mapping, begin, end);
    (void)attach_pages(*mapping, window.begin, window.end);
}

}  // namespace husk::memory
