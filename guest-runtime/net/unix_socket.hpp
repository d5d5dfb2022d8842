// SPDX-License-Identifier: Apache-2.0
// An AF_UNIX socket: the calls of the socket interface on one endpoint.
#pragma once

#include "guest-runtime/net/unix_endpoint.hpp"

namespace husk::net {

class UnixSocket final : public Socket {
public:
    UnixSocket(RefPtr<fs::Inode> inode, std::uint32_t flags, RefPtr<UnixEndpoint> endpoint);
    ~UnixSocket() override;

    Result<> bind(const Address& address) override;
    Result<> connect(const Address& address) override;
    Result<> listen(int backlog) override;
    Result<RefPtr<Socket>> accept(std::uint32_t flags) override;
    Result<Address> name() override;
    Result<Address> peer_name() override;
    Result<> shut_down(bool reading, bool writing) override;
    Result<std::size_t> send(OutgoingMessage& message) override;
    Result<std::size_t> receive(IncomingMessage& message) override;

    unsigned poll(unsigned wanted) override;
    thread::WaitQueue* wait_queue() override { return &endpoint_->waiters().watchers; }
    Result<long> ioctl(std::uint64_t request, std::uint64_t argument) override;

    [[nodiscard]] UnixEndpoint& endpoint() const { return *endpoint_; }
    SocketVertex& vertex() { return vertex_; }

protected:
    int take_error() override { return endpoint_->take_error(); }
    bool is_listening() override { return endpoint_->state() == UnixEndpoint::State::listening; }
    Result<Credentials> peer_credentials() override;

private:
    static Credentials own_credentials();
    Result<> connect_stream(const Address& address);
    Result<std::size_t> send_stream(OutgoingMessage& message);
    Result<std::size_t> send_sequenced(OutgoingMessage& message);
    Result<std::size_t> send_datagram(OutgoingMessage& message);
    Result<std::unique_ptr<UnixMessage>> make_message(OutgoingMessage& message, std::size_t size_bytes);
    Result<RefPtr<UnixEndpoint>> connected_peer();
    Result<> wait_for_room(UnixEndpoint& peer, bool may_wait);
    Result<std::size_t> receive_now(IncomingMessage& message);

    RefPtr<UnixEndpoint> endpoint_;
    SocketVertex vertex_;
};

Result<RefPtr<Socket>> make_unix_socket(SocketType type, std::uint32_t flags);
Result<SocketPair> make_unix_socket_pair(SocketType type, std::uint32_t flags);

}  // namespace husk::net
