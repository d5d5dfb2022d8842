// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>

#include "guest-runtime/memory/address_space.hpp"
#include "guest-runtime/memory/attach.hpp"
#include "guest-runtime/memory/attach_together.hpp"
#include "guest-runtime/memory/fault_access.hpp"
#include "guest-runtime/memory/frames.hpp"
#include "guest-runtime/memory/space.hpp"

namespace husk::memory {

namespace {

FaultAnswer answer_to(Errno error) {
    return error == Errno::enomem ? FaultAnswer::out_of_memory : FaultAnswer::beyond_object;
}

// Maps `entry` at a page that may hold the read-only page of a source.
FaultAnswer replace_page(std::uint64_t va, std::uint64_t old, std::uint64_t entry) {
    arch::Flush flush = is_present(old) ? arch::Flush::page : arch::Flush::none;
    if (!space.tables().ensure_tables().ok() || !space.tables().map_pages(va, {&entry, 1}, flush).ok()) {
        return FaultAnswer::out_of_memory;
    }
    if ((old & page_bit::owned) != 0) space.retire(frame_behind(old), 0);
    return FaultAnswer::resolved;
}

// A private page of its own in place of the source's `frame`, which stays the caller's.
FaultAnswer copy_page(const Mapping& mapping, std::uint64_t va, std::uint64_t old, abi::GuestPhys frame) {
    auto copy = allocate_page(mapping, Contents::any);
    if (!copy.ok()) return FaultAnswer::out_of_memory;
    std::memcpy(frame_pointer<>(copy.value()), frame_pointer<const void>(frame), abi::page_size);
    FaultAnswer answer = replace_page(va, old, page_entry(copy.value(), page_bit::owned, mapping.kind.protection));
    if (answer != FaultAnswer::resolved) release_page(mapping, copy.value());
    return answer;
}

// Places the page that a source has handed out; takes over its reference.
FaultAnswer place_source_page(const Mapping& mapping, std::uint64_t va, std::uint64_t old, abi::GuestPhys frame,
                              Access access) {
    if (!mapping.kind.shared && access.write) {
        FaultAnswer answer = copy_page(mapping, va, old, frame);
        release_frames(frame, 0);
        return answer;
    }
    std::uint64_t software = page_bit::owned | page_bit::source;
    if (mapping.kind.shared && access.write) software |= page_bit::granted;
    FaultAnswer answer = replace_page(va, old, page_entry(frame, software, mapping.kind.protection));
    if (answer != FaultAnswer::resolved) release_frames(frame, 0);
    return answer;
}

}  // namespace

FaultAnswer handle_fault(std::uint64_t address, Access access) {
    std::uint64_t va = abi::align_down(address, abi::page_size);
    if (auto answer = try_attach_together(va, access)) return *answer;
    for (;;) {
        Operation operation;
        Mapping* mapping = space.tree().find(va);
        if (mapping == nullptr) return FaultAnswer::not_mapped;
        if (!is_allowed(*mapping, access)) return FaultAnswer::not_allowed;
        std::uint64_t old = space.tables().lookup(va).entry;
        if (permits(old, access)) return FaultAnswer::resolved;  // another vCPU was faster
        if (!mapping->source) {
            return attach_around(*mapping, va).ok() ? FaultAnswer::resolved : FaultAnswer::out_of_memory;
        }
        if (old != 0 && !mapping->kind.shared) return copy_page(*mapping, va, old, frame_behind(old));

        // The source may take its time: ask it without the lock, then look whether the range is still the same.
        RefPtr<PageSource> source = mapping->source;
        std::uint64_t index = mapping->index_of(va);
        bool for_write = access.write && mapping->kind.shared;
        std::uint64_t generation = space.generation();
        operation.end();
        auto page = source->page(index, for_write);
        if (!page.ok()) return answer_to(page.error());

        Operation second;
        // Another vCPU's fault may have placed a page meanwhile, its own copy at that.
        if (space.generation() != generation || space.tables().lookup(va).entry != old) {
            second.end();
            release_frames(page.value(), 0);
            continue;
        }
        return place_source_page(*space.tree().find(va), va, old, page.value(), access);
    }
}

Result<> populate(std::uint64_t address, std::uint64_t size_bytes) {
    std::uint64_t end = address + abi::align_up(size_bytes, abi::page_size);
    for (std::uint64_t va = address; va < end;) {
        Operation operation;
        Mapping* mapping = space.tree().find(va);
        if (mapping == nullptr) return Errno::enomem;
        std::uint64_t stop = std::min(end, mapping->end);
        Protection wanted = mapping->kind.protection;
        if (wanted == protection::none || mapping->kind.image) {
            va = stop;
        } else if (!mapping->source) {
            // In steps: one section must not hold the lock for gigabytes.
            stop = std::min(stop, abi::align_down(va, abi::large_page_size) + abi::large_page_size);
            HUSK_TRY(attach_all(*mapping, va, stop));
            va = stop;
        } else {
            operation.end();
            bool for_write = (wanted & protection::write) != 0;
            FaultAnswer answer = handle_fault(va, {.write = for_write, .execute = false});
            if (answer == FaultAnswer::out_of_memory) return Errno::enomem;
            if (answer != FaultAnswer::resolved) return Errno::efault;
            va += abi::page_size;
        }
    }
    return {};
}

}  // namespace husk::memory
