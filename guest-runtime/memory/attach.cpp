// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/memory/attach.hpp"

#include <algorithm>
#include <bit>
#include <span>

#include "guest-runtime/memory/fault_window.hpp"
#include "guest-runtime/memory/frames.hpp"

namespace husk::memory {

namespace {

// Stacks are not charged, and a touch cannot answer ENOMEM: a program that handles std::bad_alloc at the ceiling still
// needs a few pages of stack, which come from the reserve.
Claim claim_of(const Mapping& mapping) {
    if (mapping.kind.charged) return Claim::promised;
    return mapping.kind.stack ? Claim::runtime : Claim::spare;
}

bool may_attach_large(const Mapping& mapping, std::uint64_t va) {
    return may_be_large(mapping, va) && space.tables().is_large_slot_empty(va);
}

Result<> attach_large(const Mapping& mapping, std::uint64_t va) {
    abi::GuestPhys block = HUSK_TRY(allocate_large(mapping));
    auto mapped = space.tables().map_large(abi::align_down(va, abi::large_page_size),
                                           large_entry(block, page_bit::owned, mapping.kind.protection));
    if (mapped.ok()) return {};
    if (mapping.kind.charged) renew_promise(abi::pte::entries);
    release_frames(block, large_order);
    return mapped;
}

}  // namespace

std::size_t allocate_run(const Mapping& mapping, std::span<std::uint64_t> entries) {
    std::size_t done = 0;
    auto order = static_cast<unsigned>(std::bit_width(entries.size()) - 1);
    while (done < entries.size()) {
        order = std::min(order, static_cast<unsigned>(std::bit_width(entries.size() - done) - 1));
        auto block = allocate_frames(order, Contents::zero, claim_of(mapping));
        if (!block.ok()) {
            if (order == 0) break;
            --order;
            continue;
        }
        if (order != 0) split_new_frames(block.value(), order);
        for (std::uint64_t i = 0; i < 1ull << order; ++i) {
            entries[done++] = page_entry(block.value() + i * abi::page_size, page_bit::owned, mapping.kind.protection);
        }
    }
    return done;
}

bool may_be_large(const Mapping& mapping, std::uint64_t va) {
    std::uint64_t begin = abi::align_down(va, abi::large_page_size);
    if (mapping.kind.stack || mapping.kind.no_large_pages || mapping.kind.image) return false;
    if (begin < mapping.begin || begin + abi::large_page_size > mapping.end) return false;
    // Memory that was not charged may be touched thinly: large pages only as long as there is plenty.
    if (!mapping.kind.charged) {
        FrameCounts counts = frame_counts();
        if (counts.spare() < counts.total / 4) return false;
    }
    return true;
}

Result<abi::GuestPhys> allocate_large(const Mapping& mapping) {
    return allocate_frames(large_order, Contents::zero, claim_of(mapping));
}

Result<abi::GuestPhys> allocate_page(const Mapping& mapping, Contents contents) {
    return allocate_frames(0, contents, claim_of(mapping));
}

void release_page(const Mapping& mapping, abi::GuestPhys page) {
    if (mapping.kind.charged) renew_promise(1);
    release_frames(page, 0);
}

Result<> attach_pages(Mapping& mapping, std::uint64_t begin, std::uint64_t end) {
    std::uint64_t entries[run_pages];
    PageTables& tables = space.tables();
    for (std::uint64_t va = begin; va < end;) {
        if (tables.lookup(va).entry != 0) {
            va += abi::page_size;
            continue;
        }
        std::uint64_t stop = std::min({end, end_of_slot(va), va + eager_bytes});
        std::size_t count = 1;
        while (va + count * abi::page_size < stop && tables.lookup(va + count * abi::page_size).entry == 0) ++count;
        HUSK_TRY(tables.ensure_tables());
        std::size_t got = allocate_run(mapping, {entries, count});
        if (got == 0) return Errno::enomem;
        auto mapped = tables.map_pages(va, {entries, got}, arch::Flush::none);
        if (!mapped.ok()) {
            for (std::size_t i = 0; i < got; ++i) release_page(mapping, frame_behind(entries[i]));
            return mapped;
        }
        va += got * abi::page_size;
    }
    return {};
}

Result<> attach_all(Mapping& mapping, std::uint64_t begin, std::uint64_t end) {
    for (std::uint64_t va = begin; va < end;) {
        std::uint64_t stop = std::min(end, end_of_slot(va));
        HUSK_TRY(space.tables().ensure_tables());
        if (!may_attach_large(mapping, va) || !attach_large(mapping, va).ok()) {
            HUSK_TRY(attach_pages(mapping, va, stop));
        }
        va = stop;
    }
    return {};
}

Result<> attach_around(Mapping& mapping, std::uint64_t va) {
    HUSK_TRY(space.tables().ensure_tables());
    if (may_attach_large(mapping, va) && attach_large(mapping, va).ok()) return {};
    auto [begin, end] = fault_window(mapping, va);
    // Neighbours are a bonus: near the end of memory they must not take the frame that this page needs.
    bool is_scarce = !mapping.kind.charged && frame_counts().spare() < 2 * fault_window_bytes / abi::page_size;
    if (!is_scarce && attach_pages(mapping, begin, end).ok()) return {};
    return attach_pages(mapping, va, va + abi::page_size);
}

}  // namespace husk::memory
