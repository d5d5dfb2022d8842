// SPDX-License-Identifier: Apache-2.0
// One end of a TCP connection, or a listener with its queue of new connections: the glue between a socket and lwIP.
//
// lwIP's control block (pcb) may outlive the socket, until its last byte is acknowledged: it holds a reference.
#pragma once

#include <atomic>
#include <optional>

#include "guest-runtime/net/inet_address.hpp"
#include "guest-runtime/net/inherited_options.hpp"
#include "guest-runtime/net/receive_queue.hpp"
#include "guest-runtime/net/send_queue.hpp"
#include "guest-runtime/net/socket_waiters.hpp"
#include "guest-runtime/net/stack.hpp"

struct tcp_pcb;

namespace husk::net {

struct TcpPendingTag;
struct TcpListenerTag;

class TcpEndpoint final : public RefCounted, public ListNode<TcpPendingTag>, public ListNode<TcpListenerTag> {
public:
    enum class State : std::uint8_t { fresh, connecting, connected, listening, ended };

    struct Settings {
        bool reuse_address = false;
        bool reuse_port = false;
        bool only_ipv6 = false;
        bool no_delay = false;
        bool keep_alive = false;
        std::uint32_t keep_idle_ms = 7'200'000;
        std::uint32_t keep_interval_ms = 75'000;
        std::uint32_t keep_count = 9;
        std::uint8_t hop_limit = 64;
        std::uint8_t traffic_class = 0;
        std::uint32_t receive_window_bytes = 1 << 20;
        std::uint32_t user_timeout_ms = 0;  // 0: as patiently as Linux
        std::uint32_t defer_accept_ms = 0;  // 0: accepted without data
        std::uint16_t max_segment = 0;      // 0: as large as the way allows
        std::uint8_t syn_retries = 6;       // net.ipv4.tcp_syn_retries
        std::uint8_t interface = 0;         // SO_BINDTODEVICE; 0: any
    };

    explicit TcpEndpoint(bool is_ipv6) : is_ipv6_(is_ipv6) {}
    ~TcpEndpoint() override;

    [[nodiscard]] State state() const { return state_.load(std::memory_order_acquire); }
    [[nodiscard]] bool has_ended_reading() const { return reading_ended_.load(std::memory_order_acquire); }
    [[nodiscard]] bool has_ended_writing() const { return writing_ended_.load(std::memory_order_acquire); }
    // The peer's FIN has come.
    [[nodiscard]] bool has_peer_ended() const { return peer_ended_.load(std::memory_order_acquire); }
    [[nodiscard]] bool has_error() const { return error_.load(std::memory_order_acquire) != 0; }
    int take_error() { return error_.exchange(0, std::memory_order_acq_rel); }
    SocketWaiters& waiters() { return waiters_; }

    // is_free: to an address that is not this machine's, too.
    Result<> bind(const InetEndpoint& to, bool is_free);
    // EINPROGRESS when it has begun.
    Result<> connect(const InetEndpoint& to);
    // As new again, but for a port that bind() was told. What was not read or sent is gone.
    void disconnect();
    // How many times: a reader that waits across one waits for a connection that is gone.
    [[nodiscard]] std::uint32_t disconnects() const { return disconnects_.load(std::memory_order_acquire); }
    // Connections that are made from here on have what `fill` copies of the listener's options, as in bequeath().
    template <class Fill>
    Result<> listen(int backlog, RefPtr<InheritedOptions> options, Fill fill) {
        StackGuard guard;
        inherit(std::move(options), fill);
        return start_listening(backlog);
    }
    // As of now, or as a listen() that goes on leaves it.
    bool listens() {
        if (const State now = state(); now == State::connecting || now == State::connected) return false;
        StackGuard guard;
        return state() == State::listening;
    }
    // EAGAIN when there is none.
    Result<RefPtr<TcpEndpoint>> accept();
    [[nodiscard]] bool has_pending() const { return pending_count_.load(std::memory_order_acquire) != 0; }
    // A listener's options have changed: connections that are made from here on have what `fill` copies of them, with
    // the settings of that moment. It copies under the stack's lock: of two threads that change options at once the
    // later one has the other's change too. Does nothing unless it listens.
    template <class Fill>
    void bequeath(RefPtr<InheritedOptions> options, Fill fill) {
        StackGuard guard;
        if (state() == State::listening) inherit(std::move(options), fill);
    }
    // Of one that accept() has just given.
    RefPtr<InheritedOptions> take_inherited() { return std::move(inherited_); }
    InetEndpoint local();
    // ENOTCONN.
    Result<InetEndpoint> remote();
    // Of one that accept() has just given, whatever has become of it.
    InetEndpoint accepted_from();
    // Of the way to the peer; ENOTCONN.
    Result<std::uint32_t> mtu();
    Result<> shut_down(bool reading, bool writing);
    // The socket is gone. `resets`: RST at once (SO_LINGER with 0 s).
    void close(bool resets);

    // Bytes that a sender may add now, within `limit_bytes` of memory. Leaves a note when there are none, so that
    // wake_writers() follows.
    std::size_t room(std::size_t limit_bytes);
    [[nodiscard]] bool is_writable(std::size_t limit_bytes);
    // Takes the chunk over unless it fails: EPIPE, or the connection's error. `holds`: more follows soon (MSG_MORE).
    Result<> send(SendChunk& chunk, bool holds);
    [[nodiscard]] std::size_t unsent_bytes() const { return outstanding_bytes_.load(std::memory_order_acquire); }

    [[nodiscard]] std::size_t bytes_to_read() const { return received_.bytes(); }
    [[nodiscard]] bool has_bytes_behind(const PeekOffset& offset) const { return received_.has_bytes_behind(offset); }
    // 0: another reader has taken it.
    Result<std::size_t> read(fs::IoBuffer& to, PeekOffset& offset);
    Result<std::size_t> peek(fs::IoBuffer& to, PeekOffset& offset) { return received_.peek(to, offset); }
    std::size_t discard(std::size_t size_bytes, PeekOffset& offset);

    // Changes settings and applies them to what there is.
    template <class Change>
    void change_settings(Change change) {
        StackGuard guard;
        change(settings_);
        apply_settings();
    }
    [[nodiscard]] Settings settings() const {
        StackGuard guard;
        return settings_;
    }
    // An ICMP error about this connection, with the stack's lock held: it ends an attempt to connect, and explains a
    // later end to one that is there.
    void on_unreachable(Errno error);
    // TCP_QUICKACK: what waits to be acknowledged is.
    void acknowledge_now();
    // The endpoint of a control block; nullptr while it is half open, or of nobody.
    static TcpEndpoint* of(const tcp_pcb& pcb);
    // Before lwIP's slow tick, for each of the connections whose list it has: ends those that waited too long.
    static void lose_patience();

    // What TCP_INFO tells.
    struct Info {
        std::uint8_t state = 0;  // Linux's TCP_ESTABLISHED and so on
        std::uint32_t mss = 536;
        std::uint32_t rtt_us = 0;
        std::uint32_t congestion_window_segments = 0;
        std::uint32_t slow_start_threshold_segments = 0;
        std::uint32_t receive_window_bytes = 0;
        std::uint32_t retransmits = 0;
        std::uint32_t retransmit_timeout_us = 0;
        std::uint32_t unacknowledged_segments = 0;
        std::uint8_t options = 0;  // Linux's TCPI_OPT_*
        std::uint8_t send_scale = 0;
        std::uint8_t receive_scale = 0;
    };
    Info info();

private:
    friend struct TcpCallbacks;

    template <class Fill>
    void inherit(RefPtr<InheritedOptions> options, Fill fill) {
        fill(*options);
        inherited_ = std::move(options);
    }
    Result<> start_listening(int backlog);
    Result<> ensure_pcb(const ip_addr_t* address);
    void adopt(tcp_pcb& pcb);
    void open_window(tcp_pcb& pcb);
    void write_rest(tcp_pcb& pcb);
    void abandon_pending();
    void stop_listening();
    void abandon_connection();
    void start_afresh();
    void apply_settings();
    void credit(std::size_t consumed_bytes);
    void end_with(Errno error);
    // Whether SO_REUSEADDR or SO_REUSEPORT of both let them have one port.
    [[nodiscard]] bool may_share_with(const TcpEndpoint& other) const;
    [[nodiscard]] bool is_listened_at(const InetEndpoint& to) const;
    [[nodiscard]] bool is_bound_beside(const InetEndpoint& to) const;
    [[nodiscard]] bool is_port_of_connection(const InetEndpoint& to) const;
    TcpEndpoint& least_busy_twin();
    [[nodiscard]] bool is_full() const { return pending_count_ > backlog_; }
    RefPtr<TcpEndpoint> take_pending();
    void announce(TcpEndpoint& listener);
    void announce_deferred();
    [[nodiscard]] bool has_waited_too_long(tcp_pcb& pcb);

    const bool is_ipv6_;
    SocketWaiters waiters_;
    std::atomic<State> state_ = State::fresh;
    std::atomic<bool> reading_ended_ = false;
    std::atomic<bool> writing_ended_ = false;
    std::atomic<bool> peer_ended_ = false;
    std::atomic<bool> wants_room_ = false;
    std::atomic<int> error_ = 0;
    std::atomic<std::uint32_t> disconnects_ = 0;

    // Guarded by the stack's lock.
    tcp_pcb* pcb_ = nullptr;  // a struct tcp_pcb_listen when listening
    InetEndpoint local_{};
    InetEndpoint remote_{};
    InetEndpoint bound_{};  // what bind() was told
    bool is_bound_ = false;
    bool is_refused_ = false;  // it has ended before it was connected
    bool is_closed_ = false;
    bool wants_end_ = false;  // a FIN is to follow what is not written yet
    Settings settings_;
    RefPtr<InheritedOptions> inherited_;
    SendQueue unacknowledged_;
    List<TcpEndpoint, TcpPendingTag> pending_;  // each owns a reference
    std::uint32_t hash_ = 0;                    // of the connection's addresses, once it has them
    bool is_counted_ = false;                   // in the table's count
    std::uint32_t stalled_since_ticks_ = 0;     // nothing has been acknowledged since; 0: not stalled
    RefPtr<TcpEndpoint> deferred_for_;          // the listener that hears of this connection once there is data
    std::uint32_t deferred_until_ticks_ = 0;
    int soft_error_ = 0;  // why the connection will have ended, should it end
    std::uint32_t backlog_ = 0;

    ReceiveQueue received_;
    std::atomic<std::size_t> uncredited_bytes_ = 0;  // read, and not yet given back to the window
    std::atomic<std::size_t> outstanding_bytes_ = 0;
    std::atomic<std::uint32_t> pending_count_ = 0;
};

}  // namespace husk::net
