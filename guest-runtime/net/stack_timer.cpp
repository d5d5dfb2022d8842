// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/net/stack_timer.hpp"

#include <atomic>

#include <lwip/dhcp.h>
#include <lwip/etharp.h>
#include <lwip/igmp.h>
#include <lwip/ip4_frag.h>
#include <lwip/ip6_frag.h>
#include <lwip/mld6.h>
#include <lwip/nd6.h>
#include <lwip/priv/tcp_priv.h>

#include "guest-runtime/net/net_interface.hpp"
#include "guest-runtime/net/stack.hpp"
#include "guest-runtime/net/tcp_endpoint.hpp"
#include "guest-runtime/net/tcp_table.hpp"
#include "guest-runtime/thread/timer.hpp"

namespace husk::net {

namespace {

constexpr std::uint64_t ms = 1'000'000;
// TCP's two ticks while something is under way; with idle connections only, keep-alive and TIME-WAIT remain.
constexpr std::uint64_t tcp_fast_ns = TCP_FAST_INTERVAL * ms;
constexpr std::uint64_t tcp_slow_ns = TCP_SLOW_INTERVAL * ms;
constexpr std::uint64_t tcp_quiet_ns = 1000 * ms;
// Interfaces: often for some time after a change, then once a second.
constexpr std::uint64_t interface_fine_ns = 100 * ms;
constexpr std::uint64_t interface_coarse_ns = 1000 * ms;
constexpr std::uint64_t settling_ns = 15'000 * ms;

class StackTimer final : public thread::Timer {
    void on_expiry() override;
};

// All guarded by the stack's lock. Deadlines on the monotonic clock; UINT64_MAX: not running.
struct State {
    std::uint64_t tcp_due = UINT64_MAX;
    std::uint64_t tcp_slow_at = 0;  // when the slow tick ran last
    std::uint64_t tcp_all_at = 0;   // and for all connections, idle ones too
    bool tcp_is_quiet = true;
    std::uint64_t interface_due = UINT64_MAX;
    std::uint64_t fine_until = 0;
    std::uint64_t tick_100ms = 0;
    std::uint64_t armed_for = UINT64_MAX;
};
constinit State state;
constinit StackTimer timer;

// Whether the connection needs its ticks in time: to retransmit, to acknowledge, to get on with opening or closing.
bool is_under_way(const tcp_pcb& pcb) {
    bool transient = pcb.state != ESTABLISHED && pcb.state != CLOSE_WAIT && pcb.state != FIN_WAIT_2;
    return transient || pcb.unacked != nullptr || pcb.unsent != nullptr || pcb.ooseq != nullptr ||
           pcb.refused_data != nullptr || pcb.persist_backoff != 0 || (pcb.flags & (TF_ACK_DELAY | TF_CLOSEPEND)) != 0;
}

// One slow tick, for the connections of busy buckets or of all. lwIP's function counts it and looks at TIME-WAIT each
// time that it is called; here it is one tick however many buckets there are.
void tick_slowly(bool all) {
    static constinit tcp_pcb* time_waits = nullptr;
    ++tcp_ticks;
    auto tick = [] {
        --tcp_ticks;
        tcp_slowtmr();
        if (time_waits == nullptr) time_waits = std::exchange(tcp_tw_pcbs, nullptr);
    };
    tick_buckets({TcpEndpoint::lose_patience, tick, is_under_way}, all);
    tcp_tw_pcbs = std::exchange(time_waits, nullptr);
}

void tick_tcp(std::uint64_t now) {
    tick_buckets({nullptr, tcp_fasttmr, nullptr}, false);
    if (now - state.tcp_slow_at >= tcp_slow_ns) {
        // Ticks that were skipped while nothing was under way count for the connections' age.
        std::uint64_t passed = (now - state.tcp_slow_at) / tcp_slow_ns;
        tcp_ticks += static_cast<u32_t>(passed - 1);
        state.tcp_slow_at += passed * tcp_slow_ns;
        bool all = now - state.tcp_all_at >= tcp_quiet_ns;
        if (all) state.tcp_all_at = now;
        tick_slowly(all);
    }
    bool busy = is_any_connection_busy();
    state.tcp_is_quiet = !busy;
    state.tcp_due = connection_count() == 0 ? UINT64_MAX : now + (busy ? tcp_fast_ns : tcp_quiet_ns);
}

bool has_pending_report() {
    netif* interface;
    NETIF_FOREACH(interface) {
        for (const igmp_group* group = netif_igmp_data(interface); group != nullptr; group = group->next) {
            if (group->timer != 0) return true;
        }
        for (const mld_group* group = netif_mld6_data(interface); group != nullptr; group = group->next) {
            if (group->timer != 0) return true;
        }
    }
    return false;
}

void tick_interfaces(std::uint64_t now) {
    bool is_fine = now < state.fine_until;
    std::uint64_t before = state.tick_100ms;
    state.tick_100ms += is_fine ? 1 : 10;
    igmp_tmr();
    mld6_tmr();
    auto passes = [&](std::uint64_t period) { return state.tick_100ms / period != before / period; };
    if (passes(5)) dhcp_fine_tmr();
    if (passes(10)) {
        etharp_tmr();
        nd6_tmr();
        ip_reass_tmr();
        ip6_reass_tmr();
    }
    if (passes(600)) dhcp_coarse_tmr();
    refill_net_devices();
    if (!is_fine && has_pending_report()) state.fine_until = now + interface_coarse_ns;
    state.interface_due = now + (now < state.fine_until ? interface_fine_ns : interface_coarse_ns);
}

void StackTimer::on_expiry() {
    StackGuard guard(Work::stacks_own);
    state.armed_for = UINT64_MAX;
    std::uint64_t now = thread::monotonic_ns();
    if (now >= state.tcp_due) tick_tcp(now);
    if (now >= state.interface_due) tick_interfaces(now);
}

}  // namespace

void set_stack_timer() {
    if (state.tcp_is_quiet && is_any_connection_busy()) {
        std::uint64_t now = thread::monotonic_ns();
        if (state.tcp_due == UINT64_MAX) state.tcp_slow_at = now;
        state.tcp_is_quiet = false;
        state.tcp_due = now + tcp_fast_ns;
    }
    std::uint64_t due = std::min(state.tcp_due, state.interface_due);
    if (due == state.armed_for) return;
    state.armed_for = due;
    timer.arm({due});
}

void note_interface_change() {
    std::uint64_t now = thread::monotonic_ns();
    state.fine_until = now + settling_ns;
    state.interface_due = now + interface_fine_ns;
}

}  // namespace husk::net

// lwIP's word that there are connections now; set_stack_timer() sees them by itself.
extern "C" {
void tcp_timer_needed() {}
// The timer is armed when there is something to wait for.
void sys_timeouts_init() {}
}
