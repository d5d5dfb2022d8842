// SPDX-License-Identifier: Apache-2.0
// What lwIP calls of its platform: memory, random numbers, time, failed assertions.
#include <atomic>
#include <cstring>

#include <lwip/arch.h>
#include <lwip/sys.h>

#include "guest-runtime/base/heap.hpp"
#include "guest-runtime/base/panic.hpp"
#include "guest-runtime/base/random.hpp"
#include "guest-runtime/thread/clock.hpp"

namespace {

// The heap wants sizes back; lwIP does not keep them.
constexpr std::size_t head_bytes = 16;

}  // namespace

void* husk_lwip_allocate(size_t size_bytes) {
    std::size_t total = size_bytes + head_bytes;
    void* block = husk::heap::allocate(total);
    if (block == nullptr) return nullptr;
    *static_cast<std::size_t*>(block) = total;
    return static_cast<char*>(block) + head_bytes;
}

void* husk_lwip_allocate_zeroed(size_t count, size_t size_bytes) {
    void* block = husk_lwip_allocate(count * size_bytes);
    if (block != nullptr) std::memset(block, 0, count * size_bytes);
    return block;
}

void husk_lwip_release(void* block) {
    if (block == nullptr) return;
    void* whole = static_cast<char*>(block) - head_bytes;
    husk::heap::release(whole, *static_cast<std::size_t*>(whole));
}

uint32_t husk_lwip_random() {
    uint32_t value = 0;
    husk::fill_random(std::as_writable_bytes(std::span(&value, 1)));
    return value;
}

void husk_lwip_assertion_failed(const char* file, unsigned line) { husk::panic("an assertion of lwIP", {file, line}); }

extern "C" {

// lwIP's clock: it counts ticks by itself and asks for differences only.
u32_t sys_now() { return static_cast<u32_t>(husk::thread::monotonic_ns() / 1'000'000); }

}  // extern "C"
