// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/memory/late_relro.hpp"

#include <atomic>

#include "guest-runtime/memory/address_space.hpp"

namespace husk::memory {

namespace {

constexpr std::uint64_t read_only = 1;  // PROT_READ

constinit std::uint64_t relro_begin = 0, relro_end = 0;
constinit std::atomic<bool> is_postponed = false;
constinit std::atomic<bool> was_asked = false;

}  // namespace

void note_relro_range(std::uint64_t begin, std::uint64_t end) {
    relro_begin = begin;
    relro_end = end;
}

bool postpone_relro(std::uint64_t address, std::uint64_t size_bytes, std::uint64_t wanted) {
    if (wanted != read_only || relro_begin >= relro_end) return false;
    if (address != relro_begin || size_bytes != relro_end - relro_begin) return false;
    if (was_asked.exchange(true)) return false;
    is_postponed.store(true, std::memory_order_release);
    return true;
}

void apply_postponed_relro() {
    if (!is_postponed.load(std::memory_order_relaxed)) return;
    if (!is_postponed.exchange(false, std::memory_order_acquire)) return;
    // It can only fail for want of memory for one more range; the pages stay writable then, as they were.
    (void)protect(relro_begin, relro_end - relro_begin, read_only);
}

}  // namespace husk::memory
