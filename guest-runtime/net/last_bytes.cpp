// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/net/last_bytes.hpp"

#include <lwip/netif.h>
#include <lwip/priv/tcp_priv.h>

#include "guest-runtime/fs/descriptor_table.hpp"
#include "guest-runtime/net/stack.hpp"
#include "guest-runtime/net/tcp_table.hpp"
#include "guest-runtime/thread/park.hpp"

namespace husk::net {

namespace {

constexpr std::uint64_t ms = 1'000'000;
constexpr std::uint64_t longest_ns = 3'000 * ms;
constexpr std::uint64_t step_ns = 1 * ms;

// Whether some peer on the network has not acknowledged all, the FIN included.
bool has_undelivered() {
    StackGuard guard;
    bool found = false;
    for_each_connection([&found](const tcp_pcb& pcb) {
        bool is_own = IP_IS_V4_VAL(pcb.remote_ip) ? ip4_addr_isloopback(ip_2_ip4(&pcb.remote_ip))
                                                  : ip6_addr_isloopback(ip_2_ip6(&pcb.remote_ip));
        if (!is_own && (pcb.unacked != nullptr || pcb.unsent != nullptr)) found = true;
    });
    return found;
}

}  // namespace

void deliver_last_bytes() {
    constexpr std::uint32_t first_behind_streams = 3;
    fs::descriptors().close_range(first_behind_streams, UINT32_MAX, false);
    auto end = thread::Deadline::after_ns(longest_ns);
    while (has_undelivered() && !end.has_passed()) {
        thread::prepare_to_park();
        thread::park_uninterruptible(thread::Deadline::after_ns(step_ns));
    }
}

}  // namespace husk::net
