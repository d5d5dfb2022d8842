// SPDX-License-Identifier: Apache-2.0
// Whether a range, and whether a page-table entry, lets an access happen.
#pragma once

#include <cstdint>

#include "guest-runtime/memory/address_space.hpp"
#include "guest-runtime/memory/mapping.hpp"
#include "guest-runtime/memory/page_entry.hpp"

namespace husk::memory {

inline bool is_allowed(const Mapping& mapping, Access access) {
    if (access.write) return (mapping.kind.protection & protection::write) != 0;
    if (access.execute) return (mapping.kind.protection & protection::execute) != 0;
    return mapping.kind.protection != protection::none;
}

constexpr bool permits(std::uint64_t entry, Access access) {
    if (!is_present(entry)) return false;
    if (access.write) return (entry & abi::pte::writable) != 0;
    return !access.execute || (entry & abi::pte::no_execute) == 0;
}

}  // namespace husk::memory
