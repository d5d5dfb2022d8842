// SPDX-License-Identifier: Apache-2.0
// Who waits for the console to become ready.
#pragma once

#include "guest-runtime/thread/wait_queue.hpp"

namespace husk::thread {

WaitQueue& console_queue();

}  // namespace husk::thread
