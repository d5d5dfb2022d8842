// SPDX-License-Identifier: Apache-2.0
// A UDP socket.
#pragma once

#include "guest-runtime/net/datagram_queue.hpp"
#include "guest-runtime/net/ip_options.hpp"
#include "guest-runtime/net/socket.hpp"

struct udp_pcb;

namespace husk::net {

// What lwIP calls, with the stack's lock held.
struct UdpCallbacks {
    static void on_received(void* argument, udp_pcb* pcb, pbuf* chain, const ip_addr_t* from, std::uint16_t port);
};

class UdpSocket final : public Socket {
public:
    UdpSocket(RefPtr<fs::Inode> inode, std::uint32_t flags, Family family)
        : Socket(std::move(inode), flags, family, SocketType::datagram, level_udp) {}
    ~UdpSocket() override;
    Result<> open();

    Result<> bind(const Address& address) override;
    Result<> connect(const Address& address) override;
    Result<Address> name() override;
    Result<Address> peer_name() override;
    Result<> shut_down(bool reading, bool writing) override;
    Result<std::size_t> send(OutgoingMessage& message) override;
    Result<std::size_t> receive(IncomingMessage& message) override;
    Result<> set_option(int level, int option, std::span<const std::byte> value) override;
    Result<std::size_t> get_option(int level, int option, std::span<std::byte> to) override;

    unsigned poll(unsigned wanted) override;
    thread::WaitQueue* wait_queue() override { return &waiters_.watchers; }
    Result<long> ioctl(std::uint64_t request, std::uint64_t argument) override;

    // What was sent did not arrive. `message` is ICMP's. With the stack's lock held.
    void on_unreachable(const IcmpError& error, const struct pbuf& message, const InetEndpoint& reporter);
    // The socket behind a pcb; nullptr when that is lwIP's own.
    static UdpSocket* of(const udp_pcb& pcb);

protected:
    int take_error() override { return error_.exchange(0, std::memory_order_acq_rel); }
    void on_option_changed(int option) override;

private:
    friend struct UdpCallbacks;

    [[nodiscard]] bool serves(int level) const;
    void apply_options();
    // Gives back what connect() and the system chose; what bind() was told stays. With the stack's lock held.
    void disconnect();
    // Another has the port, at an address that does not go with this one.
    [[nodiscard]] bool is_taken(const InetEndpoint& at) const;
    Result<> transmit(struct pbuf& packet, const InetEndpoint& to, const Control& control);
    // EMSGSIZE, EINVAL.
    Result<> check_segments(const OutgoingMessage& message, const InetEndpoint& to, std::size_t segment_bytes);
    // Bytes as datagrams of at most segment_bytes each; 0: as one.
    Result<> send_segments(OutgoingMessage& message, const InetEndpoint& to, std::size_t segment_bytes);
    Result<> set_udp_option(int option, std::span<const std::byte> value);
    Result<> change_membership(int level, int option, std::span<const std::byte> value);
    Datagram* find_at(std::size_t& offset, bool passes_seen);
    void fill_control(IncomingMessage& message, const Datagram& datagram);
    Result<std::size_t> receive_now(IncomingMessage& message);
    Result<std::size_t> receive_error(IncomingMessage& message);

    SocketWaiters waiters_;
    IpOptions ip_;
    DatagramQueue received_;
    DatagramQueue errors_;
    std::atomic<int> error_ = 0;
    std::atomic<bool> reading_shut_ = false;
    std::atomic<bool> writing_shut_ = false;
    std::atomic<bool> is_connected_ = false;
    std::atomic<std::uint16_t> segment_bytes_ = 0;  // UDP_SEGMENT; 0: none

    // Guarded by the stack's lock.
    udp_pcb* pcb_ = nullptr;
    std::optional<ip_addr_t> wildcard_;  // in whose place connect() chose a source
    bool is_port_bound_ = false;         // bind() named it
};

Result<RefPtr<Socket>> make_udp_socket(Family family, std::uint32_t flags);

}  // namespace husk::net
