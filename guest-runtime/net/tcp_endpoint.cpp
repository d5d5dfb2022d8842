// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/net/tcp_endpoint.hpp"

#include <algorithm>

#include <lwip/priv/tcp_priv.h>
#include <lwip/tcp.h>

#include "guest-runtime/base/panic.hpp"
#include "guest-runtime/net/local_ports.hpp"
#include "guest-runtime/net/route_mtu.hpp"
#include "guest-runtime/net/stack.hpp"
#include "guest-runtime/net/tcp_callbacks.hpp"
#include "guest-runtime/net/tcp_table.hpp"

namespace husk::net {

namespace {

constexpr std::uint8_t poll_interval = 10;  // slow ticks between retries when lwIP was out of memory

}  // namespace

TcpEndpoint::~TcpEndpoint() = default;

// With the stack's lock held, as all below that do not take it.
void TcpEndpoint::adopt(tcp_pcb& pcb) {
    pcb_ = &pcb;
    retain();
    tcp_ext_arg_set(&pcb, 0, this);
    tcp_ext_arg_set_callbacks(&pcb, 0, &TcpCallbacks::lifetime);
    tcp_arg(&pcb, this);
    tcp_recv(&pcb, TcpCallbacks::on_received);
    tcp_sent(&pcb, TcpCallbacks::on_acknowledged);
    tcp_poll(&pcb, TcpCallbacks::on_poll, poll_interval);
    tcp_err(&pcb, TcpCallbacks::on_failed);
}

// The handshake is over: the window that this socket is to have, and a start as fast as Linux's [rfc6928].
void TcpEndpoint::open_window(tcp_pcb& pcb) {
    constexpr tcpwnd_size_t initial_segments = 10;
    std::uint32_t window = std::min<std::uint32_t>(settings_.receive_window_bytes, TCP_WND_MAX(&pcb));
    pcb.rcv_wnd = pcb.rcv_ann_wnd = window;
    // The SYN could not tell of more than 16 bits, whatever lwIP remembers: nothing that was announced is taken back.
    pcb.rcv_ann_right_edge = pcb.rcv_nxt + std::min<std::uint32_t>(window, UINT16_MAX);
    // lwIP announces more room once it is worth a segment: there must be several in the window.
    constexpr std::uint32_t least_mss = 536;
    pcb.mss = static_cast<u16_t>(std::min<std::uint32_t>(pcb.mss, std::max(window / 4, least_mss)));
    if (settings_.max_segment != 0) pcb.mss = std::min<u16_t>(pcb.mss, settings_.max_segment);
    pcb.cwnd = std::max<tcpwnd_size_t>(pcb.cwnd, initial_segments * pcb.mss);
}

// What lwIP had no memory for before, and the end that waits behind it.
void TcpEndpoint::write_rest(tcp_pcb& pcb) {
    unacknowledged_.write_to(pcb);
    if (!wants_end_ || unacknowledged_.has_unwritten()) return;
    wants_end_ = false;
    is_closed_ ? static_cast<void>(tcp_close(&pcb)) : static_cast<void>(tcp_shutdown(&pcb, 0, 1));
}

Result<> TcpEndpoint::ensure_pcb(const ip_addr_t* address) {
    if (pcb_ != nullptr) return {};
    u8_t type = IPADDR_TYPE_V4;
    if (address != nullptr) {
        type = IP_GET_TYPE(address);
    } else if (is_ipv6_) {
        type = settings_.only_ipv6 ? IPADDR_TYPE_V6 : IPADDR_TYPE_ANY;
    }
    tcp_pcb* pcb = tcp_new_ip_type(type);
    if (pcb == nullptr) return Errno::enobufs;
    adopt(*pcb);
    apply_settings();
    return {};
}

void TcpEndpoint::apply_settings() {
    if (pcb_ == nullptr) return;
    tcp_pcb& pcb = *pcb_;
    pcb.ttl = settings_.hop_limit;
    pcb.tos = settings_.traffic_class;
    ip_reset_option(&pcb, SOF_KEEPALIVE | SOF_REUSEADDR);
    if (settings_.keep_alive) ip_set_option(&pcb, SOF_KEEPALIVE);
    if (settings_.reuse_address || settings_.reuse_port) ip_set_option(&pcb, SOF_REUSEADDR);
    pcb.netif_idx = settings_.interface;
    if (state() == State::listening) return;
    if (settings_.no_delay) {
        tcp_nagle_disable(&pcb);
    } else {
        tcp_nagle_enable(&pcb);
    }
    pcb.keep_idle = settings_.keep_idle_ms;
    pcb.keep_intvl = settings_.keep_interval_ms;
    pcb.keep_cnt = settings_.keep_count;
    if (state() != State::connected) return;
    BucketScope scope(hash_);
    tcp_output(&pcb);
}

bool TcpEndpoint::may_share_with(const TcpEndpoint& other) const {
    return (settings_.reuse_address && other.settings_.reuse_address) ||
           (settings_.reuse_port && other.settings_.reuse_port);
}

// By a socket that neither listens nor is connected. lwIP looks at those of the same family only.
bool TcpEndpoint::is_bound_beside(const InetEndpoint& to) const {
    for (const tcp_pcb* pcb = tcp_bound_pcbs; pcb != nullptr; pcb = pcb->next) {
        if (pcb == pcb_ || pcb->local_port != to.port || !overlap(pcb->local_ip, to.address)) continue;
        const TcpEndpoint* other = of(*pcb);
        if (other == nullptr || !may_share_with(*other)) return true;
    }
    return false;
}

// lwIP would look through its list of connections, which is empty here.
bool TcpEndpoint::is_port_of_connection(const InetEndpoint& to) const {
    bool found = false;
    bool reuses = settings_.reuse_address || settings_.reuse_port;
    for_each_connection([&](const tcp_pcb& pcb) {
        if (pcb.local_port != to.port || !overlap(pcb.local_ip, to.address)) return;
        if (!reuses || !ip_get_option(&pcb, SOF_REUSEADDR)) found = true;
    });
    return found;
}

Result<> TcpEndpoint::bind(const InetEndpoint& to, bool is_free) {
    StackGuard guard;
    if (is_bound_ || state() != State::fresh) return Errno::einval;
    if (!is_free && !may_bind_to(to.address)) return Errno::eaddrnotavail;
    if (to.port != 0 && (is_listened_at(to) || is_bound_beside(to) || is_port_of_connection(to)))
        return Errno::eaddrinuse;
    HUSK_TRY(ensure_pcb(nullptr));
    std::uint16_t port = to.port != 0 ? to.port : unused_port();
    if (port == 0) return Errno::eaddrinuse;
    err_t bound = tcp_bind(pcb_, &to.address, port);
    if (bound != ERR_OK) return errno_of(bound);
    is_bound_ = true;
    bound_ = to;
    local_ = {to.address, pcb_->local_port};
    return {};
}

Result<> TcpEndpoint::connect(const InetEndpoint& to) {
    StackGuard guard;
    if (state() == State::ended) {
        if (!is_refused_) return Errno::eisconn;
        start_afresh();
        // Told once; then it may be tried again.
        if (int error = take_error()) return static_cast<Errno>(error);
    }
    if (state() != State::fresh) return state() == State::connecting ? Errno::ealready : Errno::eisconn;
    InetEndpoint target = to;
    make_definite(target.address, is_ipv6_);
    if (ip_addr_ismulticast(&target.address)) return Errno::enetunreach;
    HUSK_TRY(ensure_pcb(is_bound_ ? nullptr : &target.address));
    if (IP_IS_ANY_TYPE_VAL(pcb_->local_ip)) IP_SET_TYPE_VAL(pcb_->local_ip, IP_GET_TYPE(&target.address));
    HUSK_TRY(choose_source(*pcb_, target));
    hash_ = connection_hash(pcb_->local_ip, pcb_->local_port, target.address, target.port);
    BucketScope scope(hash_);
    state_.store(State::connecting, std::memory_order_release);
    remote_ = target;
    soft_error_ = 0;
    error_.store(0, std::memory_order_release);
    err_t begun = tcp_connect(pcb_, &target.address, target.port, TcpCallbacks::on_connected);
    if (begun != ERR_OK) {
        state_.store(State::fresh, std::memory_order_release);
        if (!is_bound_) pcb_->local_port = 0;
        return begun == ERR_USE ? Errno::eaddrnotavail : errno_of(begun);
    }
    if (!std::exchange(is_counted_, true)) note_connection_begun();
    local_ = {pcb_->local_ip, pcb_->local_port};
    return Errno::einprogress;
}

void TcpEndpoint::disconnect() {
    {
        StackGuard guard;
        if (state() == State::fresh) return;
        abandon_connection();
    }
    received_.drop();  // may sleep
}

// Or the attempt to make one, or to be asked for some.
void TcpEndpoint::abandon_connection() {
    if (state() == State::listening) {
        stop_listening();
    } else if (pcb_ != nullptr) {
        BucketScope scope(hash_);
        tcp_err(pcb_, nullptr);
        if (pcb_->state < CLOSING) error_.store(static_cast<int>(Errno::econnreset), std::memory_order_release);
        tcp_abandon(pcb_, state() != State::connecting);
    }
    disconnects_.fetch_add(1, std::memory_order_release);
    start_afresh();
}

void TcpEndpoint::start_afresh() {
    unacknowledged_.drop();
    outstanding_bytes_ = uncredited_bytes_ = 0;
    reading_ended_ = writing_ended_ = peer_ended_ = false;
    wants_end_ = is_refused_ = is_bound_ = false;
    stalled_since_ticks_ = 0;
    state_.store(State::fresh, std::memory_order_release);
    if (bound_.port != 0 && ensure_pcb(nullptr).ok()) {
        ip_set_option(pcb_, SOF_REUSEADDR);  // whatever this socket's own connections have left at the port
        is_bound_ = tcp_bind(pcb_, &bound_.address, bound_.port) == ERR_OK;
        if (is_bound_) local_ = bound_;
        apply_settings();
    }
    waiters_.wake_all();
}

InetEndpoint TcpEndpoint::local() {
    StackGuard guard;
    return local_;
}

Result<InetEndpoint> TcpEndpoint::remote() {
    StackGuard guard;
    if (state() != State::connected) return Errno::enotconn;
    return remote_;
}

InetEndpoint TcpEndpoint::accepted_from() {
    StackGuard guard;
    return remote_;
}

Result<std::uint32_t> TcpEndpoint::mtu() {
    StackGuard guard;
    if (state() != State::connecting && state() != State::connected) return Errno::enotconn;
    // Where the way is gone meanwhile Linux would tell the last it had.
    auto mtu = route_mtu(local_.address, remote_.address, settings_.interface);
    return mtu.ok() ? mtu : Result<std::uint32_t>(Errno::enotconn);
}

// The connection is over: what there was to read may still be read.
void TcpEndpoint::end_with(Errno error) {
    pcb_ = nullptr;
    if (!is_closed_) error_.store(static_cast<int>(error), std::memory_order_release);
    reading_ended_.store(true, std::memory_order_release);
    writing_ended_.store(true, std::memory_order_release);
    state_.store(State::ended, std::memory_order_release);
    waiters_.wake_all();
}

}  // namespace husk::net
