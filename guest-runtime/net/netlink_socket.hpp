// SPDX-License-Identifier: Apache-2.0
// An AF_NETLINK socket of the routing family: dumps of links and addresses, as getifaddrs(3) asks for them.
#pragma once

#include "guest-runtime/fs/text.hpp"
#include "guest-runtime/net/socket.hpp"
#include "guest-runtime/thread/mutex.hpp"

namespace husk::net {

class NetlinkSocket final : public Socket {
public:
    NetlinkSocket(RefPtr<fs::Inode> inode, std::uint32_t flags, SocketType type)
        : Socket(std::move(inode), flags, Family::netlink, type, 0) {}

    Result<> bind(const Address&) override { return {}; }
    Result<> connect(const Address&) override { return {}; }
    Result<Address> name() override;
    // A request is answered at once.
    Result<std::size_t> send(OutgoingMessage& message) override;
    // One part of an answer, as a datagram.
    Result<std::size_t> receive(IncomingMessage& message) override;
    Result<> set_option(int level, int option, std::span<const std::byte> value) override;
    Result<std::size_t> get_option(int level, int option, std::span<std::byte> to) override;

    unsigned poll(unsigned wanted) override;
    thread::WaitQueue* wait_queue() override { return &waiters_.watchers; }

private:
    [[nodiscard]] bool has_answer() const { return parts_left_.load(std::memory_order_acquire) != 0; }

    thread::Mutex mutex_;  // guards the answers
    fs::Text dump_;        // records one behind the other
    fs::Text end_;         // the record that ends them
    std::atomic<unsigned> parts_left_ = 0;
    SocketWaiters waiters_;
};

Result<RefPtr<Socket>> make_netlink_socket(SocketType type, int protocol, std::uint32_t flags);

}  // namespace husk::net
