// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/net/stack.hpp"

#include <atomic>

#include <lwip/init.h>
#include <lwip/netif.h>

#include "guest-runtime/base/spinlock.hpp"
#include "guest-runtime/net/loopback.hpp"
#include "guest-runtime/net/net_interface.hpp"
#include "guest-runtime/net/stack_timer.hpp"

namespace husk::net {

namespace {

constinit Spinlock lock;
constinit std::atomic<bool> is_started = false;
constinit Work current_work = Work::applications;

}  // namespace

void start_stack() {
    if (is_started.load(std::memory_order_acquire)) return;
    Guard guard(lock);
    if (is_started.load(std::memory_order_relaxed)) return;
    lwip_init();
    // Nothing can corrupt a frame that never leaves memory.
    netif* loopback = netif_get_by_index(1);
    NETIF_SET_CHECKSUM_CTRL(loopback, NETIF_CHECKSUM_DISABLE_ALL);
    is_started.store(true, std::memory_order_release);
}

StackGuard::StackGuard(Work work) {
    lock.lock();
    current_work = work;
}

bool is_stacks_own_work() { return current_work == Work::stacks_own; }

StackGuard::~StackGuard() {
    receive_own_packets();
    flush_net_devices();
    set_stack_timer();
    lock.unlock();
    notify_net_devices();
}

Errno errno_of(int lwip_error) {
    switch (lwip_error) {
        case ERR_MEM:
        case ERR_BUF:
            return Errno::enobufs;
        case ERR_TIMEOUT:
            return Errno::etimedout;
        case ERR_RTE:
            return Errno::enetunreach;
        case ERR_INPROGRESS:
            return Errno::einprogress;
        case ERR_VAL:
        case ERR_ARG:
            return Errno::einval;
        case ERR_WOULDBLOCK:
            return Errno::eagain;
        case ERR_USE:
            return Errno::eaddrinuse;
        case ERR_ALREADY:
            return Errno::ealready;
        case ERR_ISCONN:
            return Errno::eisconn;
        case ERR_CONN:
            return Errno::enotconn;
        case ERR_IF:
            return Errno::enetdown;
        case ERR_ABRT:
            return Errno::etimedout;
        case ERR_RST:
            return Errno::econnreset;
        case ERR_CLSD:
            return Errno::epipe;
        default:
            return Errno::eio;
    }
}

}  // namespace husk::net
