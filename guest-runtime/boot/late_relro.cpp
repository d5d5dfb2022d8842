// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/boot/late_relro.hpp"

#include <atomic>

#include <husk/abi/guest_address.hpp>

#include "guest-runtime/boot/own_image.hpp"
#include "guest-runtime/memory/address_space.hpp"

namespace husk::boot {

namespace {

constexpr std::uint64_t read_only = 1;  // PROT_READ

struct Range {
    std::uint64_t address = 0;
    std::uint64_t size_bytes = 0;
};
constinit Range postponed;
constinit std::atomic<bool> is_postponed = false;
constinit std::atomic<bool> was_asked = false;

// The whole pages of the range, as glibc rounds them [_dl_protect_relro].
Range relro_pages() {
    for (const Elf64_Phdr& header : program_headers()) {
        if (header.p_type != PT_GNU_RELRO) continue;
        std::uint64_t begin = abi::align_down(header.p_vaddr, abi::page_size);
        std::uint64_t end = abi::align_down(header.p_vaddr + header.p_memsz, abi::page_size);
        return {begin, end - begin};
    }
    return {};
}

}  // namespace

bool postpone_relro(std::uint64_t address, std::uint64_t size_bytes, std::uint64_t protection) {
    if (was_asked.load(std::memory_order_relaxed) || protection != read_only) return false;
    Range relro = relro_pages();
    if (relro.size_bytes == 0 || address != relro.address || size_bytes != relro.size_bytes) return false;
    if (was_asked.exchange(true)) return false;
    postponed = relro;
    is_postponed.store(true, std::memory_order_release);
    return true;
}

void apply_postponed_relro() {
    if (!is_postponed.load(std::memory_order_relaxed)) return;
    if (!is_postponed.exchange(false, std::memory_order_acquire)) return;
    // It can only fail for want of memory for one more range; the pages stay writable then, as they were.
    (void)memory::protect(postponed.address, postponed.size_bytes, read_only);
}

}  // namespace husk::boot
