// SPDX-License-Identifier: Apache-2.0
// Page-table entries of application memory: protection, and what the frame behind an entry is.
#pragma once

#include <cstdint>

#include <husk/abi/guest_address.hpp>
#include <husk/abi/machine.hpp>

namespace husk::memory {

// PROT_READ 1, PROT_WRITE 2, PROT_EXEC 4, as in Linux.
using Protection = std::uint32_t;
namespace protection {
inline constexpr Protection none = 0;
inline constexpr Protection read = 1;
inline constexpr Protection write = 2;
inline constexpr Protection execute = 4;
inline constexpr Protection all = 7;
}  // namespace protection

// Bits 9-11 are free for software [sdm3 4.5]. An entry that is not 0 but not present keeps its frame for PROT_NONE.
namespace page_bit {
inline constexpr std::uint64_t owned = 1ull << 9;     // the entry holds a reference on its frame or block of frames
inline constexpr std::uint64_t source = 1ull << 10;   // the frame is a page of a PageSource: not charged
inline constexpr std::uint64_t granted = 1ull << 11;  // ... which has been told that it will be written
inline constexpr std::uint64_t software = owned | source | granted;
}  // namespace page_bit

// The same frame with another protection. Pages of a source stay read-only until it has been told.
constexpr std::uint64_t with_protection(std::uint64_t entry, Protection wanted) {
    std::uint64_t changed = entry & (abi::pte::address_mask | page_bit::software | abi::pte::large);
    if (wanted == protection::none) return changed;
    changed |= abi::pte::present | abi::pte::user | abi::pte::accessed | abi::pte::dirty;
    bool may_write = (entry & page_bit::source) == 0 || (entry & page_bit::granted) != 0;
    if ((wanted & protection::write) != 0 && may_write) changed |= abi::pte::writable;
    if ((wanted & protection::execute) == 0) changed |= abi::pte::no_execute;
    return changed;
}
constexpr std::uint64_t page_entry(abi::GuestPhys frame, std::uint64_t software, Protection wanted) {
    return with_protection(frame.value | software, wanted);
}
constexpr std::uint64_t large_entry(abi::GuestPhys block, std::uint64_t software, Protection wanted) {
    return with_protection(block.value | software | abi::pte::large, wanted);
}

constexpr abi::GuestPhys frame_behind(std::uint64_t entry) { return {entry & abi::pte::address_mask}; }
constexpr bool is_present(std::uint64_t entry) { return (entry & abi::pte::present) != 0; }
constexpr bool is_large(std::uint64_t entry) { return (entry & abi::pte::large) != 0; }

}  // namespace husk::memory
