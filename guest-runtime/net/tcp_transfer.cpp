// SPDX-License-Identifier: Apache-2.0
// Bytes into and out of a TCP endpoint, and its ends.
#include <algorithm>

#include <lwip/priv/tcp_priv.h>
#include <lwip/tcp.h>

#include "guest-runtime/net/stack.hpp"
#include "guest-runtime/net/tcp_endpoint.hpp"
#include "guest-runtime/net/tcp_table.hpp"

namespace husk::net {

namespace {

// The window is given back in steps, so that most reads need no lock.
constexpr std::size_t credit_step_bytes = 16 << 10;

}  // namespace

std::size_t TcpEndpoint::room(std::size_t limit_bytes) {
    auto left = [&] {
        std::size_t used = outstanding_bytes_.load(std::memory_order_seq_cst);
        return used < limit_bytes ? limit_bytes - used : 0;
    };
    if (std::size_t bytes = left()) return bytes;
    wants_room_.store(true, std::memory_order_seq_cst);
    return left();
}

// As on Linux: once a third is free.
bool TcpEndpoint::is_writable(std::size_t limit_bytes) {
    auto has_room = [&] { return outstanding_bytes_.load(std::memory_order_seq_cst) <= limit_bytes - limit_bytes / 3; };
    if (has_room()) return true;
    wants_room_.store(true, std::memory_order_seq_cst);
    return has_room();
}

Result<> TcpEndpoint::send(SendChunk& chunk, bool holds) {
    StackGuard guard;
    if (has_ended_writing() || pcb_ == nullptr || state() == State::fresh) {
        if (int error = take_error()) return static_cast<Errno>(error);
        return Errno::epipe;
    }
    outstanding_bytes_.fetch_add(chunk.cost_bytes(), std::memory_order_relaxed);
    unacknowledged_.append(chunk);
    if (state() != State::connected) return {};
    BucketScope scope(hash_);
    unacknowledged_.write_to(*pcb_);
    if (!holds) tcp_output(pcb_);
    return {};
}

void TcpEndpoint::credit(std::size_t consumed_bytes) {
    std::size_t total = uncredited_bytes_.fetch_add(consumed_bytes, std::memory_order_relaxed) + consumed_bytes;
    if (total < std::min<std::size_t>(credit_step_bytes, settings_.receive_window_bytes / 4)) return;
    StackGuard guard;
    BucketScope scope(hash_);
    std::size_t bytes = uncredited_bytes_.exchange(0, std::memory_order_relaxed);
    while (bytes != 0 && pcb_ != nullptr) {
        auto part = static_cast<u16_t>(std::min<std::size_t>(bytes, UINT16_MAX));
        tcp_recved(pcb_, part);
        bytes -= part;
    }
}

Result<std::size_t> TcpEndpoint::read(fs::IoBuffer& to, PeekOffset& offset) {
    std::size_t bytes = HUSK_TRY(received_.read(to, offset));
    if (bytes != 0) credit(bytes);
    return bytes;
}

std::size_t TcpEndpoint::discard(std::size_t size_bytes, PeekOffset& offset) {
    std::size_t bytes = received_.discard(size_bytes, offset);
    if (bytes != 0) credit(bytes);
    return bytes;
}

Result<> TcpEndpoint::shut_down(bool reading, bool writing) {
    StackGuard guard;
    if (state() == State::listening) {
        if (reading) abandon_connection();
        return {};
    }
    if (state() == State::connecting) {
        abandon_connection();
        return {};
    }
    if (state() != State::connected) return Errno::enotconn;
    BucketScope scope(hash_);
    if (reading) reading_ended_.store(true, std::memory_order_release);
    if (writing && !writing_ended_.exchange(true, std::memory_order_acq_rel) && pcb_ != nullptr) {
        wants_end_ = true;
        write_rest(*pcb_);
    }
    waiters_.wake_all();
    return {};
}

void TcpEndpoint::close(bool resets) {
    StackGuard guard;
    is_closed_ = true;
    if (pcb_ == nullptr) return;
    if (state() == State::listening) {
        stop_listening();
        return;
    }
    BucketScope scope(hash_);
    // From here on nobody is told of errors, who may be gone when they happen.
    tcp_err(pcb_, nullptr);
    if (resets || received_.bytes() != 0) {
        tcp_abort(pcb_);
        return;
    }
    // lwIP takes a window that is not full for unread data.
    if (state() == State::connected) pcb_->rcv_wnd = TCP_WND_MAX(pcb_);
    wants_end_ = true;
    write_rest(*pcb_);
}

void TcpEndpoint::acknowledge_now() {
    StackGuard guard;
    if (pcb_ == nullptr || state() != State::connected || (pcb_->flags & TF_ACK_DELAY) == 0) return;
    BucketScope scope(hash_);
    tcp_ack_now(pcb_);
    tcp_output(pcb_);
}

TcpEndpoint::Info TcpEndpoint::info() {
    constexpr std::uint8_t established = 1, syn_sent = 2, syn_received = 3, fin_wait1 = 4, fin_wait2 = 5, time_wait = 6,
                           closed = 7, close_wait = 8, last_ack = 9, listen = 10, closing = 11;
    constexpr std::uint8_t states[] = {closed,    listen,     syn_sent, syn_received, established, fin_wait1,
                                       fin_wait2, close_wait, closing,  last_ack,     time_wait};
    StackGuard guard;
    Info info;
    info.state = closed;
    if (pcb_ == nullptr) return info;
    info.state = states[pcb_->state];
    if (state() == State::listening || state() == State::fresh) return info;
    info.mss = pcb_->mss;
    info.rtt_us = pcb_->sa > 0 ? static_cast<std::uint32_t>(pcb_->sa >> 3) * TCP_SLOW_INTERVAL * 1000 : 0;
    info.congestion_window_segments = pcb_->mss != 0 ? pcb_->cwnd / pcb_->mss : 0;
    info.slow_start_threshold_segments = pcb_->mss != 0 ? pcb_->ssthresh / pcb_->mss : 0;
    info.receive_window_bytes = pcb_->rcv_wnd;
    info.retransmits = pcb_->nrtx;
    info.retransmit_timeout_us = static_cast<std::uint32_t>(pcb_->rto) * TCP_SLOW_INTERVAL * 1000;
    info.unacknowledged_segments = pcb_->snd_queuelen;
    constexpr std::uint8_t option_sack = 2, option_scale = 4;
    if ((pcb_->flags & TF_SACK) != 0) info.options |= option_sack;
    if ((pcb_->flags & TF_WND_SCALE) != 0) {
        info.options |= option_scale;
        info.send_scale = pcb_->snd_scale;
        info.receive_scale = pcb_->rcv_scale;
    }
    return info;
}

}  // namespace husk::net
