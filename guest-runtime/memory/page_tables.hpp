// SPDX-License-Identifier: Apache-2.0
// The page tables that this VM runs on, edited through the gate.
#pragma once

#include <cstdint>
#include <span>

#include <husk/abi/boot_info.hpp>

#include "guest-runtime/arch/page_table_gate.hpp"
#include "guest-runtime/base/result.hpp"
#include "guest-runtime/memory/page_table_editor.hpp"
#include "guest-runtime/memory/table_pool.hpp"

namespace husk::memory {

// Reads tables through the physmap, writes them through the gate. The one place where translations become stale.
class LiveTables {
public:
    [[nodiscard]] std::uint64_t read(abi::GuestPhys entry) const;
    void write(abi::GuestPhys first, std::span<const std::uint64_t> entries, arch::Flush flush, std::uint64_t address);
    Result<abi::GuestPhys> take_table() { return pool_.take(); }
    void give_table(abi::GuestPhys table);
    void split_block(abi::GuestPhys block);
    [[nodiscard]] TablePool& pool() { return pool_; }

    // Other vCPUs may hold translations that a write since the last request has taken away.
    [[nodiscard]] bool is_stale_elsewhere() const { return is_stale_elsewhere_; }
    // Asks them to drop these. What is returned goes to shootdown::wait_for(), also when there was nothing to ask for:
    // it may be that somebody else still waits.
    std::uint64_t request_shootdown();
    // Tables that were given away go back to the pool once no vCPU walks through them. may_wait: see to it.
    void take_back_retired(bool may_wait);

private:
    TablePool pool_;
    TablePool retired_;
    std::uint64_t retired_until_ = 0;  // generation
    bool is_stale_elsewhere_ = false;
};

// Not locked: the address space's lock covers it. Those who hold that together use a PageTableSlot instead.
class PageTables : public PageTableEditor<LiveTables> {
public:
    constexpr PageTables() : PageTableEditor(LiveTables()) {}
    void initialise(const abi::BootInfo& boot);
    // Kept for edits that do not count what they need, and for the split of the physmap's own large pages in refill().
    static constexpr std::uint64_t tables_kept = 16;
    // Makes sure that an edit that needs up to `tables` new page tables does not fail half way.
    Result<> ensure_tables(std::uint64_t tables = 0);

private:
    Result<> refill();
};

}  // namespace husk::memory
