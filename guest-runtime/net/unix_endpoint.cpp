// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/net/unix_endpoint.hpp"

#include <algorithm>

namespace husk::net {

UnixEndpoint::~UnixEndpoint() { close(); }

RefPtr<UnixEndpoint> UnixEndpoint::peer() {
    Guard guard(mutex_);
    return peer_;
}

void UnixEndpoint::connect_pair(UnixEndpoint& a, UnixEndpoint& b) {
    for (auto [one, other] : {std::pair(&a, &b), std::pair(&b, &a)}) {
        Guard guard(one->mutex_);
        one->peer_ = RefPtr<UnixEndpoint>(other);
        one->state_.store(State::connected, std::memory_order_release);
    }
}

void UnixEndpoint::part(UnixEndpoint& a, UnixEndpoint& b) {
    for (UnixEndpoint* one : {&a, &b}) {
        RefPtr<UnixEndpoint> other;
        Guard guard(one->mutex_);
        other = std::move(one->peer_);
        one->state_.store(State::fresh, std::memory_order_release);
    }
}

void UnixEndpoint::set_peer(RefPtr<UnixEndpoint> peer) {
    leave_space_queue();
    RefPtr<UnixEndpoint> old;
    {
        Guard guard(mutex_);
        old = std::exchange(peer_, std::move(peer));
        state_.store(peer_ ? State::connected : State::fresh, std::memory_order_release);
    }
    waiters_.wake_all();
}

Result<> UnixEndpoint::listen(int backlog) {
    constexpr std::uint32_t most = 4096;  // net.core.somaxconn
    Guard guard(mutex_);
    if (state() != State::fresh && state() != State::listening) return Errno::einval;
    backlog_ = backlog < 0 ? most : std::min(static_cast<std::uint32_t>(backlog), most);
    state_.store(State::listening, std::memory_order_release);
    guard.unlock();
    waiters_.wake_all();
    return {};
}

bool UnixEndpoint::has_room_to_offer() const {
    return state() != State::listening || pending_count_.load(std::memory_order_acquire) <= backlog_;
}

Result<> UnixEndpoint::offer(RefPtr<UnixEndpoint> server_end) {
    {
        Guard guard(mutex_);
        if (state() != State::listening || reading_is_shut()) return Errno::econnrefused;
        if (pending_count_ > backlog_) return Errno::eagain;
        pending_.push_back(*server_end.leak());
        pending_count_.fetch_add(1, std::memory_order_release);
    }
    waiters_.wake_reader();
    return {};
}

Result<RefPtr<UnixEndpoint>> UnixEndpoint::accept() {
    RefPtr<UnixEndpoint> accepted;
    {
        Guard guard(mutex_);
        if (state() != State::listening) return Errno::einval;
        accepted = RefPtr<UnixEndpoint>::adopt(pending_.pop_front());
        if (!accepted) return reading_is_shut() ? Errno::einval : Errno::eagain;
        pending_count_.fetch_sub(1, std::memory_order_release);
    }
    waiters_.writers.wake_one();  // someone may wait in connect()
    return accepted;
}

bool UnixEndpoint::has_room_for_stream(std::size_t limit_bytes) {
    if (inbox_bytes() * 4 <= limit_bytes) return true;
    peer_wants_space_.store(true, std::memory_order_seq_cst);
    return inbox_bytes() * 4 <= limit_bytes;
}

bool UnixEndpoint::has_room_for_datagram(UnixEndpoint& sender) {
    auto has_room = [this] { return state() == State::closed || message_count() < most_datagrams; };
    if (has_room()) return true;
    {
        Guard guard(sender.relay_lock_);
        if (sender.relay_target_.get() != this) {
            if (sender.relay_target_) sender.relay_target_->space_.remove(sender.relay_);
            sender.relay_target_ = RefPtr<UnixEndpoint>(this);
            space_.add(sender.relay_);
        }
    }
    return has_room();
}

void UnixEndpoint::leave_space_queue() {
    RefPtr<UnixEndpoint> old;
    Guard guard(relay_lock_);
    if (relay_target_) relay_target_->space_.remove(relay_);
    old = std::move(relay_target_);
}

Result<> UnixEndpoint::deliver(std::unique_ptr<UnixMessage>& message, const UnixEndpoint& sender,
                               std::size_t limit_bytes) {
    {
        Guard guard(mutex_);
        if (state() == State::closed) return is_datagram() ? Errno::econnrefused : Errno::epipe;
        if (reading_is_shut()) return Errno::epipe;
        if (is_datagram()) {
            if (peer_ && peer_.get() != &sender) return Errno::eperm;
            if (message_count() >= most_datagrams) return Errno::eagain;
        } else if (inbox_bytes() >= limit_bytes) {
            return Errno::eagain;
        }
        inbox_bytes_.fetch_add(message->cost_bytes(), std::memory_order_release);
        message_count_.fetch_add(1, std::memory_order_release);
        message->parcel.enter(*this);
        inbox_.push_back(*message.release());
        arrivals_.fetch_add(1, std::memory_order_release);
    }
    waiters_.wake_reader();
    collect_when_many();
    return {};
}

// With mutex_ held.
void UnixEndpoint::forget_message(UnixMessage& message) {
    message.unlink();
    inbox_bytes_.fetch_sub(message.cost_bytes(), std::memory_order_seq_cst);
    message_count_.fetch_sub(1, std::memory_order_release);
}

void UnixEndpoint::shut_down(bool reading, bool writing) {
    RefPtr<UnixEndpoint> other;
    {
        Guard guard(mutex_);
        if (reading) reading_shut_.store(true, std::memory_order_release);
        if (writing) writing_shut_.store(true, std::memory_order_release);
        if (!is_datagram()) other = peer_;
    }
    waiters_.wake_all();
    if (!other) return;
    {
        Guard guard(other->mutex_);
        if (reading) other->writing_shut_.store(true, std::memory_order_release);
        if (writing) other->reading_shut_.store(true, std::memory_order_release);
    }
    other->waiters_.wake_all();
}

void UnixEndpoint::close(bool reset) {
    List<UnixMessage> unread;
    List<UnixEndpoint, UnixPendingTag> refused;
    RefPtr<UnixEndpoint> other;
    {
        Guard guard(mutex_);
        if (state() == State::closed) return;
        state_.store(State::closed, std::memory_order_release);
        other = std::move(peer_);
        while (UnixMessage* message = inbox_.front()) {
            forget_message(*message);
            unread.push_back(*message);
        }
        while (UnixEndpoint* end = pending_.pop_front()) refused.push_back(*end);
    }
    leave_space_queue();
    if (!unread.empty()) reset = true;
    while (UnixMessage* message = unread.pop_front()) delete message;
    while (UnixEndpoint* end = refused.pop_front()) {
        end->close(true);
        end->release();
    }
    space_.wake_all();
    waiters_.wake_all();
    if (!other || is_datagram()) return;
    {
        Guard guard(other->mutex_);
        other->reading_shut_.store(true, std::memory_order_release);
        other->writing_shut_.store(true, std::memory_order_release);
        if (reset) other->error_.store(static_cast<int>(Errno::econnreset), std::memory_order_release);
    }
    other->waiters_.wake_all();
}

}  // namespace husk::net
