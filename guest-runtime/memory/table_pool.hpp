// SPDX-License-Identifier: Apache-2.0
// Pages that are or may become page tables: what the launcher set aside, then blocks of frames that are made read-only
// in the physmap, so that only the gate ever writes a page table.
#pragma once

#include <cstdint>

#include <husk/abi/boot_info.hpp>
#include <husk/abi/guest_address.hpp>

#include "guest-runtime/base/result.hpp"

namespace husk::memory {

class TablePool {
public:
    constexpr TablePool() = default;
    void initialise(abi::PhysRange pool) {
        fresh_ = pool;
        freed_ = 0;
        freed_count_ = 0;
    }

    // ENOMEM: refill first.
    Result<abi::GuestPhys> take();
    void give(abi::GuestPhys table);
    // Adds pages that are read-only in the physmap.
    void add(abi::PhysRange pages);
    [[nodiscard]] std::uint64_t available() const {
        return (fresh_.end - fresh_.begin) / abi::page_size + freed_count_;
    }

private:
    abi::PhysRange fresh_ = {};
    std::uint32_t freed_ = 0;  // number of the first freed page; frame_note() of each leads to the next
    std::uint64_t freed_count_ = 0;
};

}  // namespace husk::memory
