// SPDX-License-Identifier: Apache-2.0
// A TCP socket: the calls of the socket interface on one endpoint.
#pragma once

#include "guest-runtime/net/ip_options.hpp"
#include "guest-runtime/net/socket.hpp"
#include "guest-runtime/net/tcp_endpoint.hpp"

namespace husk::net {

class TcpSocket final : public Socket {
public:
    TcpSocket(RefPtr<fs::Inode> inode, std::uint32_t flags, Family family, RefPtr<TcpEndpoint> endpoint);
    ~TcpSocket() override;

    Result<> bind(const Address& address) override;
    Result<> connect(const Address& address) override;
    Result<> listen(int backlog) override;
    Result<RefPtr<Socket>> accept(std::uint32_t flags) override;
    Result<Address> name() override;
    Result<Address> peer_name() override;
    Result<Address> accepted_name() override;
    Result<> shut_down(bool reading, bool writing) override { return endpoint_->shut_down(reading, writing); }
    Result<std::size_t> send(OutgoingMessage& message) override;
    Result<std::size_t> receive(IncomingMessage& message) override;
    Result<> set_option(int level, int option, std::span<const std::byte> value) override;
    Result<std::size_t> get_option(int level, int option, std::span<std::byte> to) override;

    unsigned poll(unsigned wanted) override;
    thread::WaitQueue* wait_queue() override { return &endpoint_->waiters().watchers; }
    Result<long> ioctl(std::uint64_t request, std::uint64_t argument) override;

protected:
    int take_error() override { return endpoint_->take_error(); }
    bool is_listening() override { return endpoint_->state() == TcpEndpoint::State::listening; }
    void on_option_changed(int option) override;

private:
    [[nodiscard]] bool serves(int level) const;
    Result<> check_sending();
    Result<> wait_for_connection();
    Result<> bequeath_options();
    void copy_options(InheritedOptions& to) const;
    Result<> set_own_option(int level, int option, std::span<const std::byte> value);
    Result<std::size_t> receive_bytes(IncomingMessage& message);
    Result<std::size_t> receive_now(IncomingMessage& message);
    // For a receive with these flags.
    [[nodiscard]] bool has_bytes(std::uint32_t message_flags) const;
    Result<> set_tcp_option(int option, std::span<const std::byte> value);
    Result<std::size_t> get_tcp_option(int option, std::span<std::byte> to);
    std::size_t put_info(std::span<std::byte> to);
    void linger(std::int32_t seconds);

    RefPtr<TcpEndpoint> endpoint_;
    IpOptions ip_;
    std::atomic<bool> corked_ = false;
    std::atomic<bool> quick_acks_ = true;
    std::atomic<bool> tells_unread_ = false;  // TCP_INQ
};

Result<RefPtr<Socket>> make_tcp_socket(Family family, std::uint32_t flags);

}  // namespace husk::net
