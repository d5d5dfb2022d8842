// SPDX-License-Identifier: Apache-2.0
// What /metrics shows: counters that all threads add to.
#pragma once

#include <atomic>
#include <cstdint>

namespace service {

struct Metrics {
    std::atomic<std::uint64_t> connections = 0;
    std::atomic<std::uint64_t> open_connections = 0;
    std::atomic<std::uint64_t> requests = 0;
    std::atomic<std::uint64_t> server_errors = 0;
};

}  // namespace service
