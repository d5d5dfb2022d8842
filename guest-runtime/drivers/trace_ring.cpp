// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/drivers/trace_ring.hpp"

#include <algorithm>
#include <atomic>

#include <husk/abi/trace_record.hpp>

#include "guest-runtime/base/heap.hpp"
#include "guest-runtime/base/spinlock.hpp"
#include "guest-runtime/base/string.hpp"
#include "guest-runtime/drivers/doorbells.hpp"

namespace husk::trace_ring {

namespace {

constexpr std::size_t ring_bytes = 128 << 10;
constexpr std::size_t data_bytes = ring_bytes - sizeof(abi::TraceRing);

constinit Spinlock lock;
constinit abi::TraceRing* ring = nullptr;

void tell_launcher() { doorbells::trace(ring, ring_bytes); }

// The caller holds the lock.
bool has_ring() {
    if (ring != nullptr) return true;
    ring = static_cast<abi::TraceRing*>(heap::allocate(ring_bytes));
    if (ring == nullptr) return false;
    *ring = {};
    tell_launcher();
    return true;
}

std::size_t room() {
    // Pairs with the launcher's release store: what it has read may be overwritten.
    return data_bytes - (ring->produced - std::atomic_ref(ring->consumed).load(std::memory_order_acquire));
}

}  // namespace

bool write(std::span<const std::byte> record) {
    Guard guard(lock);
    if (!has_ring()) return false;
    if (room() < record.size()) tell_launcher();
    if (room() < record.size()) return true;  // a launcher that does not read: lost
    // SAFETY: the data begins behind the header, and both pieces end within it.
    std::byte* data = reinterpret_cast<std::byte*>(ring + 1);
    std::size_t at = ring->produced % data_bytes;
    std::size_t to_end = std::min(record.size(), data_bytes - at);
    memcpy(data + at, record.data(), to_end);
    memcpy(data, record.data() + to_end, record.size() - to_end);
    std::atomic_ref(ring->produced).store(ring->produced + record.size(), std::memory_order_release);
    return true;
}

}  // namespace husk::trace_ring
