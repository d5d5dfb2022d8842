// SPDX-License-Identifier: Apache-2.0
// A guest's virtual memory while it stands still, reached through its own page tables, which may say anything.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include <husk/abi/guest_address.hpp>

#include "launcher/memory/guest_memory.hpp"

namespace husk::report {

// A present leaf: `bytes` of RAM that lie at `begin` in the guest's address space.
struct GuestPage {
    abi::GuestVirt begin;
    std::span<const std::byte> bytes;
};

class GuestPages final {
public:
    // root: gpa of the PML4.
    GuestPages(const memory::GuestMemory& memory, abi::GuestPhys root) : memory_(memory), root_(root) {}

    // False when not all of it is mapped RAM; `to` then holds what came before the hole.
    [[nodiscard]] bool copy_in(abi::GuestVirt from, std::span<std::byte> to) const;

    // The same the other way round, whatever the guest may do there itself; what lies before a hole is written.
    [[nodiscard]] bool copy_out(abi::GuestVirt to, std::span<const std::byte> from) const;

    // Calls on_page for each present page of [begin, end), cut to it, by address, until it returns false. Absent parts
    // cost nothing. False when on_page or the table budget ended it.
    bool for_each_page(abi::GuestVirt begin, abi::GuestVirt end,
                       const std::function<bool(const GuestPage&)>& on_page) const;

private:
    struct Walk;
    [[nodiscard]] std::optional<abi::GuestPhys> try_translate(abi::GuestVirt address) const;
    bool walk_table(Walk& walk, abi::GuestPhys table, int level, std::uint64_t table_begin) const;
    bool visit_leaf(const Walk& walk, std::uint64_t entry, int level, std::uint64_t leaf_begin) const;

    const memory::GuestMemory& memory_;
    abi::GuestPhys root_;
};

}  // namespace husk::report
