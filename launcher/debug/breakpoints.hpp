// SPDX-License-Identifier: Apache-2.0
// The int3 instructions that stand in the guest's code, and the bytes that they cover.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>

#include <husk/abi/guest_address.hpp>

#include "launcher/report/guest_pages.hpp"

namespace husk::debug {

class Breakpoints final {
public:
    // false: no memory there. One that is there already stays.
    [[nodiscard]] bool try_insert(const report::GuestPages& memory, abi::GuestVirt at);
    // false: there is none.
    [[nodiscard]] bool try_remove(const report::GuestPages& memory, abi::GuestVirt at);
    void remove_all(const report::GuestPages& memory);

    [[nodiscard]] bool contains(abi::GuestVirt at) const { return covered_.contains(at.value); }

    // Memory as the debugger is to see it, and as it is to be written: with and without what lies under breakpoints.
    [[nodiscard]] bool read(const report::GuestPages& memory, abi::GuestVirt from, std::span<std::byte> to) const;
    [[nodiscard]] bool write(const report::GuestPages& memory, abi::GuestVirt to, std::span<const std::byte> from);

private:
    std::map<std::uint64_t, std::byte> covered_;
};

}  // namespace husk::debug
