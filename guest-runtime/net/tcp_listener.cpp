// SPDX-License-Identifier: Apache-2.0
// The part of a TcpEndpoint that listens: half-open connections, the queue for accept(), twins at one port.
#include <algorithm>

#include <lwip/priv/tcp_priv.h>

#include "guest-runtime/net/local_ports.hpp"
#include "guest-runtime/net/tcp_callbacks.hpp"
#include "guest-runtime/net/tcp_table.hpp"

namespace husk::net {

namespace {

// All listeners, guarded by the stack's lock.
constinit List<TcpEndpoint, TcpListenerTag> listeners;

using ListenerNode = ListNode<TcpListenerTag>;

constexpr std::uint32_t most_backlog = 4096;  // net.core.somaxconn
constexpr unsigned most_time_waits = 256;
// Of all listeners together; a flood pushes out others of its kind.
constexpr unsigned most_half_open = 4096;
constinit unsigned half_open = 0;

// Ended connections that wait for stragglers are looked through at every new one: a busy server keeps the latest few.
void limit_time_waits() {
    unsigned count = 0;
    tcp_pcb* pcb = tcp_tw_pcbs;
    while (pcb != nullptr && ++count < most_time_waits) pcb = pcb->next;
    while (pcb != nullptr && pcb->next != nullptr) {
        tcp_pcb* old = pcb->next;
        tcp_pcb_remove(&tcp_tw_pcbs, old);
        tcp_free(old);
    }
}

}  // namespace

void count_half_open_out() { --half_open; }

// A SYN. With a full queue it is passed over, as on Linux: the peer will try again. Of twins the one counts that would
// be given the connection.
err_t TcpCallbacks::on_half_open(u8_t, tcp_pcb_listen* listening, tcp_pcb* pcb) {
    if (endpoint(listening->ext_args[0].data).least_busy_twin().is_full()) return ERR_MEM;
    if (half_open >= most_half_open) evict_half_open(pcb);
    ++half_open;
    note_connection_begun();
    tcp_ext_arg_set_callbacks(pcb, 0, &lifetime);
    return ERR_OK;
}

err_t TcpCallbacks::on_accepted(void* argument, tcp_pcb* pcb, err_t error) {
    if (error != ERR_OK || pcb == nullptr) return ERR_OK;
    TcpEndpoint& listener = endpoint(argument).least_busy_twin();
    // The next connection begins with the next of the twins.
    static_cast<ListenerNode&>(listener).unlink();
    listeners.push_back(listener);
    auto made = make_ref<TcpEndpoint>(listener.is_ipv6_);
    if (!made.ok()) {
        tcp_abort(pcb);
        return ERR_ABRT;
    }
    TcpEndpoint& end = *made.value();
    end.settings_ = listener.settings_;
    end.inherited_ = listener.inherited_;
    end.adopt(*pcb);
    --half_open;
    end.is_counted_ = true;
    end.hash_ = connection_hash(*pcb);
    end.state_.store(TcpEndpoint::State::connected, std::memory_order_release);
    end.local_ = {pcb->local_ip, pcb->local_port};
    end.remote_ = {pcb->remote_ip, pcb->remote_port};
    end.open_window(*pcb);
    end.apply_settings();
    if (end.settings_.defer_accept_ms == 0) {
        end.announce(listener);
    } else {
        end.retain();  // for on_failed(), which may follow on_destroyed()
        end.deferred_for_ = RefPtr<TcpEndpoint>(&listener);
        end.deferred_until_ticks_ = tcp_ticks + end.settings_.defer_accept_ms / TCP_SLOW_INTERVAL;
    }
    limit_time_waits();
    return ERR_OK;
}

bool TcpEndpoint::is_listened_at(const InetEndpoint& to) const {
    for (TcpEndpoint& other : listeners) {
        if (&other == this || other.local_.port != to.port || !overlap(other.local_.address, to.address)) continue;
        if (!other.settings_.reuse_port || !settings_.reuse_port) return true;
    }
    return false;
}

Result<> TcpEndpoint::start_listening(int backlog) {
    std::uint32_t wanted = backlog < 0 ? most_backlog : std::min(static_cast<std::uint32_t>(backlog), most_backlog);
    if (state() == State::listening) {
        backlog_ = wanted;
        return {};
    }
    if (state() != State::fresh) return Errno::einval;
    HUSK_TRY(ensure_pcb(nullptr));
    if (!is_bound_) {
        ip_addr_t any = is_ipv6_ ? (settings_.only_ipv6 ? *IP6_ADDR_ANY : *IP_ANY_TYPE) : *IP4_ADDR_ANY;
        std::uint16_t port = unused_port();
        if (port == 0) return Errno::eaddrinuse;
        err_t bound = tcp_bind(pcb_, &any, port);
        if (bound != ERR_OK) return errno_of(bound);
        is_bound_ = true;
        local_ = {any, pcb_->local_port};
    }
    if (is_listened_at(local_)) return Errno::eaddrinuse;
    err_t error = ERR_OK;
    // lwIP looks for a second listener only where SO_REUSEADDR allows it to be; is_listened_at() has looked.
    ip_reset_option(pcb_, SOF_REUSEADDR);
    // It comes back as another, smaller pcb; the reference goes along.
    retain();
    tcp_pcb* listening = tcp_listen_with_backlog_and_err(pcb_, TCP_DEFAULT_LISTEN_BACKLOG, &error);
    if (listening == nullptr) {
        release();
        return errno_of(error);
    }
    pcb_ = listening;
    backlog_ = wanted;
    tcp_arg(pcb_, this);
    tcp_accept(pcb_, TcpCallbacks::on_accepted);
    state_.store(State::listening, std::memory_order_release);
    apply_settings();
    listeners.push_back(*this);
    return {};
}

void TcpEndpoint::abandon_pending() {
    for_each_connection([this](const tcp_pcb& pcb) {
        TcpEndpoint* end = of(pcb);
        if (end != nullptr && end->deferred_for_.get() == this) end->announce_deferred();
    });
    while (RefPtr<TcpEndpoint> refused = take_pending()) {
        refused->is_closed_ = true;
        if (refused->pcb_ == nullptr) continue;
        BucketScope scope(refused->hash_);
        tcp_err(refused->pcb_, nullptr);
        tcp_abort(refused->pcb_);
    }
}

void TcpEndpoint::stop_listening() {
    static_cast<ListenerNode*>(this)->unlink();
    abandon_pending();
    // SAFETY: a listener's pcb is a tcp_pcb_listen, which begins as a tcp_pcb does.
    forget_listener(*reinterpret_cast<const tcp_pcb_listen*>(pcb_));
    tcp_close(pcb_);
}

// Of the listeners that share this one's address by SO_REUSEPORT, the one with the shortest queue.
TcpEndpoint& TcpEndpoint::least_busy_twin() {
    TcpEndpoint* best = this;
    if (!settings_.reuse_port) return *best;
    for (TcpEndpoint& other : listeners) {
        if (!other.settings_.reuse_port || other.local_.port != local_.port ||
            !ip_addr_cmp(&other.local_.address, &local_.address))
            continue;
        if (other.pending_count_ < best->pending_count_) best = &other;
    }
    return *best;
}

// accept() will have it.
void TcpEndpoint::announce(TcpEndpoint& listener) {
    retain();
    listener.pending_.push_back(*this);
    listener.pending_count_.fetch_add(1, std::memory_order_release);
    listener.waiters_.wake_reader();
}

void TcpEndpoint::announce_deferred() {
    RefPtr<TcpEndpoint> listener = std::exchange(deferred_for_, {});
    announce(*listener);
    release();
}

RefPtr<TcpEndpoint> TcpEndpoint::take_pending() {
    auto taken = RefPtr<TcpEndpoint>::adopt(pending_.pop_front());
    if (taken) pending_count_.fetch_sub(1, std::memory_order_release);
    return taken;
}

Result<RefPtr<TcpEndpoint>> TcpEndpoint::accept() {
    StackGuard guard;
    if (state() != State::listening) return Errno::einval;
    RefPtr<TcpEndpoint> accepted = take_pending();
    if (!accepted) return Errno::eagain;
    return accepted;
}

}  // namespace husk::net
