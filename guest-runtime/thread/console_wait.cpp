// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/thread/console_wait.hpp"

namespace husk::thread {

namespace {

constinit WaitQueue queue;

}  // namespace

WaitQueue& console_queue() { return queue; }

}  // namespace husk::thread
