// SPDX-License-Identifier: Apache-2.0
#include "launcher/run/trace_ring.hpp"

#include <algorithm>
#include <atomic>
#include <vector>

namespace husk::run {

namespace {

constexpr std::uint64_t most_bytes = 16 << 20;

}  // namespace

bool TraceRingReader::attach(abi::GuestPhys at, std::uint64_t size_bytes) {
    const std::lock_guard lock(mutex_);
    if (size_bytes <= sizeof(abi::TraceRing) || size_bytes > most_bytes) return false;
    auto* const ring = memory_.try_shared<abi::TraceRing>(at);
    const std::span<const std::byte> all = memory_.try_span(at, size_bytes);
    if (ring == nullptr || all.empty()) return false;
    if (ring_ != ring) consumed_ = 0;
    ring_ = ring;
    data_ = all.subspan(sizeof(abi::TraceRing));
    return true;
}

void TraceRingReader::drain() {
    const std::lock_guard lock(mutex_);
    if (ring_ == nullptr) return;
    // Pairs with the guest's release store: the records are there.
    const std::uint64_t produced = std::atomic_ref(ring_->produced).load(std::memory_order_acquire);
    // More than fits, or less than there was: what lies there is at least memory of the guest's.
    const std::uint64_t count = std::min<std::uint64_t>(produced - consumed_, data_.size());
    if (count == 0) return;
    const std::size_t begin = consumed_ % data_.size();
    const std::size_t to_end = std::min<std::size_t>(count, data_.size() - begin);
    // Copied once: the guest may change it meanwhile.
    std::vector<std::byte> bytes(data_.begin() + static_cast<std::ptrdiff_t>(begin),
                                 data_.begin() + static_cast<std::ptrdiff_t>(begin + to_end));
    bytes.insert(bytes.end(), data_.begin(), data_.begin() + static_cast<std::ptrdiff_t>(count - to_end));
    consumed_ = produced;
    std::atomic_ref(ring_->consumed).store(produced, std::memory_order_release);
    take_bytes_(bytes);
}

}  // namespace husk::run
