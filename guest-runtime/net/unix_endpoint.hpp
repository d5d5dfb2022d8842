// SPDX-License-Identifier: Apache-2.0
// One end of UNIX-domain communication: its inbox, its peer and, when it listens, those who wait to be accepted.
//
// A socket owns its endpoint and closes it; a peer may keep it longer. No two endpoints' locks are held at once.
#pragma once

#include <atomic>
#include <memory>

#include "guest-runtime/net/socket.hpp"
#include "guest-runtime/net/unix_message.hpp"
#include "guest-runtime/thread/mutex.hpp"

namespace husk::net {

struct UnixNameTag;
struct UnixPendingTag;

class UnixEndpoint final : public RefCounted, public ListNode<UnixNameTag>, public ListNode<UnixPendingTag> {
public:
    enum class State : std::uint8_t { fresh, listening, connected, closed };
    static constexpr std::size_t most_datagrams = 512;  // net.unix.max_dgram_qlen

    explicit UnixEndpoint(SocketType type) : type_(type), relay_(*this) {}
    ~UnixEndpoint() override;

    [[nodiscard]] SocketType type() const { return type_; }
    [[nodiscard]] bool is_datagram() const { return type_ == SocketType::datagram; }
    [[nodiscard]] State state() const { return state_.load(std::memory_order_acquire); }
    [[nodiscard]] bool reading_is_shut() const { return reading_shut_.load(std::memory_order_acquire); }
    [[nodiscard]] bool writing_is_shut() const { return writing_shut_.load(std::memory_order_acquire); }
    // How many have ever come.
    [[nodiscard]] std::uint64_t arrivals() const { return arrivals_.load(std::memory_order_acquire); }
    [[nodiscard]] std::size_t message_count() const { return message_count_.load(std::memory_order_acquire); }
    [[nodiscard]] bool has_error() const { return error_.load(std::memory_order_relaxed) != 0; }
    int take_error() { return error_.exchange(0, std::memory_order_acq_rel); }
    RefPtr<UnixEndpoint> peer();
    SocketWaiters& waiters() { return waiters_; }

    // Both of stream or sequenced type and fresh.
    static void connect_pair(UnixEndpoint& a, UnixEndpoint& b);
    // Undoes connect_pair() before anyone has seen it.
    static void part(UnixEndpoint& a, UnixEndpoint& b);
    // Datagrams: the default receiver; null: none any more.
    void set_peer(RefPtr<UnixEndpoint> peer);

    Result<> listen(int backlog);
    // Queues `server_end` for accept(). ECONNREFUSED when nobody listens, EAGAIN when the queue is full.
    Result<> offer(RefPtr<UnixEndpoint> server_end);
    [[nodiscard]] bool has_room_to_offer() const;
    // EAGAIN when none waits; EINVAL when it does not listen.
    Result<RefPtr<UnixEndpoint>> accept();
    [[nodiscard]] bool has_pending() const { return pending_count_.load(std::memory_order_acquire) != 0; }

    // Takes a message into the inbox. EPIPE, ECONNREFUSED (closed), EPERM (it talks to another only), EAGAIN: full.
    Result<> deliver(std::unique_ptr<UnixMessage>& message, const UnixEndpoint& sender, std::size_t limit_bytes);
    // Whether a stream's sender with that limit may write. Leaves a note when not, so that wake_writers() follows.
    bool has_room_for_stream(std::size_t limit_bytes);
    bool has_room_for_datagram(UnixEndpoint& sender);
    [[nodiscard]] std::size_t inbox_bytes() const { return inbox_bytes_.load(std::memory_order_acquire); }
    thread::WaitQueue& space() { return space_; }

    Result<std::size_t> receive_stream(IncomingMessage& to, bool pass_credentials, PeekOffset& peek_offset);
    // One whole message.
    Result<std::size_t> receive_message(IncomingMessage& to, bool pass_credentials, PeekOffset& peek_offset);
    // FIONREAD: bytes of the stream, or of the first datagram.
    std::size_t bytes_to_read();

    void shut_down(bool reading, bool writing);
    // Ends it: the peer sees end of file, or ECONNRESET when something was left unread.
    void close(bool reset = false);

    // Whose inbox this is: its socket's, or while it waits to be accepted the listening one's. Guarded by
    // files_in_flight.cpp.
    [[nodiscard]] SocketVertex* owner() const { return listener_ ? listener_->owner_ : owner_; }
    // Returns where it waited until now.
    RefPtr<UnixEndpoint> set_owner(SocketVertex* owner) {
        owner_ = owner;
        return std::move(listener_);
    }
    // Before anyone has seen it.
    void wait_at(RefPtr<UnixEndpoint> listener) { listener_ = std::move(listener); }

    // Guarded by the table of names.
    Address name;
    RefPtr<fs::Inode> place;

private:
    // Passes on the news of room in another's inbox to those who watch this endpoint.
    class SpaceRelay final : public thread::Waiter {
    public:
        explicit SpaceRelay(UnixEndpoint& owner) : Waiter(false), owner_(owner) {}
        bool on_wake() override { return owner_.waiters_.watchers.wake_one(); }

    private:
        UnixEndpoint& owner_;
    };

    UnixMessage* first_to_see(bool by_place, std::size_t& at);
    void forget_message(UnixMessage& message);
    void after_read();
    Result<bool> take_control(IncomingMessage& to, UnixMessage& message, bool pass_credentials);
    void leave_space_queue();

    const SocketType type_;
    thread::Mutex mutex_;
    std::atomic<State> state_ = State::fresh;
    std::atomic<bool> reading_shut_ = false;
    std::atomic<bool> writing_shut_ = false;
    std::atomic<bool> peer_wants_space_ = false;
    std::atomic<int> error_ = 0;
    RefPtr<UnixEndpoint> peer_;

    List<UnixMessage> inbox_;
    std::atomic<std::size_t> inbox_bytes_ = 0;
    std::atomic<std::size_t> message_count_ = 0;
    std::atomic<std::uint64_t> arrivals_ = 0;

    List<UnixEndpoint, UnixPendingTag> pending_;  // each owns a reference
    std::atomic<std::uint32_t> pending_count_ = 0;
    std::atomic<std::uint32_t> backlog_ = 0;

    SocketVertex* owner_ = nullptr;
    RefPtr<UnixEndpoint> listener_;

    SocketWaiters waiters_;
    thread::WaitQueue space_;  // of datagram senders

    Spinlock relay_lock_;
    SpaceRelay relay_;
    RefPtr<UnixEndpoint> relay_target_;
};

}  // namespace husk::net
