// SPDX-License-Identifier: Apache-2.0
#include "launcher/host/patience.hpp"

#include <atomic>
#include <cstdint>

#include "launcher/host/clock.hpp"

namespace husk::host {

namespace {

constexpr std::uint64_t for_ever = UINT64_MAX;
constexpr std::uint64_t last_wait_ns = 1'000'000'000;

std::atomic<std::uint64_t> end_ns = for_ever;

}  // namespace

void limit_patience() {
    std::uint64_t unlimited = for_ever;
    end_ns.compare_exchange_strong(unlimited, monotonic_ns() + last_wait_ns);
}

bool has_patience() {
    const std::uint64_t end = end_ns.load();
    return end == for_ever || monotonic_ns() < end;
}

}  // namespace husk::host
