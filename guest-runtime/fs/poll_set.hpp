// SPDX-License-Identifier: Apache-2.0
// Waiting for several descriptors at once, under poll(2) and select(2).
#pragma once

#include <cstdint>
#include <span>

#include "guest-runtime/base/result.hpp"
#include "guest-runtime/thread/clock.hpp"

namespace husk::fs {

struct PollItem {
    int fd;           // negative: not asked
    unsigned wanted;  // poll_bit; error and hang_up are always reported
    unsigned found;   // poll_bit::invalid for a descriptor that is not open
};

// Until one of `items` has something to report; how many have, 0 at the deadline. ERESTART when a signal came first.
Result<std::size_t> poll_files(std::span<PollItem> items, thread::Deadline deadline);

}  // namespace husk::fs
