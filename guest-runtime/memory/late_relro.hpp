// SPDX-License-Identifier: Apache-2.0
// The image's PT_GNU_RELRO range, made read-only when the application first has nothing to do instead of before main().
//
// glibc asks for it during start-up. Where ring 0 is emulated the change costs 60 us, and as much again because KVM
// drops what it knew of the text in the same page table: a third of the time to main(). A program that lives for a
// millisecond never needs it, one that lives longer has it at its first sleep or time slice.
#pragma once

#include <cstdint>

namespace husk::memory {

// Which pages that are, whole ones only; once, at boot.
void note_relro_range(std::uint64_t begin, std::uint64_t end);
// True when mprotect(address, size_bytes, protection) is glibc's request and was taken note of.
bool postpone_relro(std::uint64_t address, std::uint64_t size_bytes, std::uint64_t protection);
// Does what was postponed. Costs a load when nothing is.
void apply_postponed_relro();

}  // namespace husk::memory
