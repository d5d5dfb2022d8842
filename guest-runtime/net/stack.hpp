// SPDX-License-Identifier: Apache-2.0
// lwIP as the rest of the guest sees it: started when first needed, entered under one lock.
//
// The lock is held for moments: sockets copy the application's bytes outside it and keep queues of their own. While it
// is held nothing sleeps and no user memory is touched.
#pragma once

#include "guest-runtime/base/result.hpp"

namespace husk::net {

// Brings lwIP and the loopback interface up; later calls do nothing.
void start_stack();

enum class Work {
    applications,
    stacks_own,  // on whatever vCPU it happens: what devices bring, time-outs
};

// Holds lwIP's lock for a scope. On the way out what was sent to this machine itself is received, and the timers are
// set for what is under way.
class [[nodiscard]] StackGuard {
public:
    explicit StackGuard(Work work = Work::applications);
    ~StackGuard();
    StackGuard(const StackGuard&) = delete;
    StackGuard& operator=(const StackGuard&) = delete;
};

// Of who holds the lock.
bool is_stacks_own_work();

// What an lwIP call reports, as Linux names it.
Errno errno_of(int lwip_error);

}  // namespace husk::net
