// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/memory/page_tables.hpp"

#include <utility>

#include <husk/abi/memory_layout.hpp>

#include "guest-runtime/arch/vcpus.hpp"
#include "guest-runtime/memory/frames.hpp"
#include "guest-runtime/memory/shootdown.hpp"

namespace husk::memory {

std::uint64_t LiveTables::read(abi::GuestPhys entry) const { return *frame_pointer<const std::uint64_t>(entry); }

void LiveTables::write(abi::GuestPhys first, std::span<const std::uint64_t> entries, arch::Flush flush,
                       std::uint64_t address) {
    arch::write_page_table(first, entries, flush, address);
    if (flush != arch::Flush::none && arch::others_are_started()) is_stale_elsewhere_ = true;
}

// Another vCPU may still walk through the table: it waits until none does.
void LiveTables::give_table(abi::GuestPhys table) {
    arch::others_are_started() ? retired_.give(table) : pool_.give(table);
}

std::uint64_t LiveTables::request_shootdown() {
    if (!std::exchange(is_stale_elsewhere_, false)) return shootdown::pending();
    std::uint64_t generation = shootdown::request();
    if (retired_.available() != 0) retired_until_ = generation;
    return generation;
}

void LiveTables::take_back_retired(bool may_wait) {
    if (retired_.available() == 0) return;
    if (may_wait) shootdown::wait_for(request_shootdown());
    if (is_stale_elsewhere_ || !shootdown::is_complete(retired_until_)) return;
    while (retired_.available() != 0) pool_.give(retired_.take().value());
}

void LiveTables::split_block(abi::GuestPhys block) { split_frames(block, large_order); }

void PageTables::initialise(const abi::BootInfo& boot) {
    set_root({boot.page_table_root});
    access() = LiveTables();
    access().pool().initialise(boot.table_pool);
}

Result<> PageTables::ensure_tables(std::uint64_t tables) {
    access().take_back_retired(false);
    while (access().pool().available() < tables + tables_kept) {
        auto refilled = refill();
        if (!refilled.ok()) access().take_back_retired(true);
        // What is kept may be used up when there is no more.
        if (!refilled.ok()) return access().pool().available() >= tables + 4 ? Result<>() : refilled;
    }
    return {};
}

// A 2 MiB block needs no split of the physmap where that is mapped by 2 MiB; smaller blocks are for when memory is
// scarce.
Result<> PageTables::refill() {
    bool has_plenty = frame_counts().spare() >= (256ull << 20) / abi::page_size;
    for (unsigned order : {large_order, 5u, 2u, 0u}) {
        if (order == large_order && !has_plenty) continue;
        auto block = allocate_frames(order, Contents::zero, Claim::page_tables);
        if (!block.ok()) continue;
        std::uint64_t size_bytes = abi::page_size << order;
        std::uint64_t begin = abi::physmap(block.value()).value;
        auto changed =
            change_leaves(begin, begin + size_bytes, [](std::uint64_t entry) { return entry & ~abi::pte::writable; });
        if (!changed.ok()) {
            release_frames(block.value(), order);
            return changed;
        }
        access().pool().add({block.value().value, block.value().value + size_bytes});
        return {};
    }
    return Errno::enomem;
}

}  // namespace husk::memory
