// SPDX-License-Identifier: Apache-2.0
// Datagrams of a UDP socket, out and in.
#include <algorithm>

#include <lwip/ip.h>
#include <lwip/udp.h>

#include "guest-runtime/net/stack.hpp"
#include "guest-runtime/net/udp_socket.hpp"
#include "guest-runtime/thread/clock.hpp"

namespace husk::net {

namespace {

constexpr std::size_t largest_datagram_bytes = 65507;

struct PacketDeleter {
    void operator()(pbuf* packet) const { pbuf_free(packet); }
};
using Packet = std::unique_ptr<pbuf, PacketDeleter>;

}  // namespace

void UdpCallbacks::on_received(void* argument, udp_pcb*, pbuf* chain, const ip_addr_t* from, std::uint16_t port) {
    auto& socket = *static_cast<UdpSocket*>(argument);
    Packet packet(chain);
    std::unique_ptr<Datagram> datagram(new (std::nothrow) Datagram(chain));
    if (!datagram || socket.reading_shut_.load(std::memory_order_relaxed)) {
        if (datagram) (void)packet.release();
        return;
    }
    (void)packet.release();
    datagram->from = {*from, port};
    datagram->destination = *ip_current_dest_addr();
    datagram->interface = netif_get_index(ip_current_input_netif());
    if (ip_current_is_v6()) {
        datagram->hop_limit = IP6H_HOPLIM(ip6_current_header());
        datagram->traffic_class = static_cast<std::uint8_t>(IP6H_TC(ip6_current_header()));
    } else {
        datagram->hop_limit = IPH_TTL(ip4_current_header());
        datagram->traffic_class = IPH_TOS(ip4_current_header());
    }
    datagram->arrived_ns = thread::realtime_ns();
    if (socket.received_.append(std::move(datagram), socket.options_.receive_buffer_bytes)) {
        socket.waiters_.wake_reader();
    }
}

Result<> UdpSocket::transmit(pbuf& packet, const InetEndpoint& to, const Control& control) {
    StackGuard guard;
    netif* route = nullptr;
    if (control.packet && control.packet->interface != 0) {
        route = control.packet->interface <= UINT8_MAX
                    ? netif_get_by_index(static_cast<u8_t>(control.packet->interface))
                    : nullptr;
        if (route == nullptr) return Errno::enodev;
    }
    u8_t old_hops = pcb_->ttl, old_class = pcb_->tos;
    if (control.hop_limit) pcb_->ttl = *control.hop_limit;
    if (control.traffic_class) pcb_->tos = *control.traffic_class;
    err_t sent;
    ip_addr_t source{};
    bool has_source = control.packet && source_of(*control.packet, source);
    if (has_source && route == nullptr) route = ip_route(&source, &to.address);
    if (route != nullptr && has_source) {
        sent = udp_sendto_if_src(pcb_, &packet, &to.address, to.port, route, &source);
    } else if (route != nullptr) {
        sent = udp_sendto_if(pcb_, &packet, &to.address, to.port, route);
    } else {
        sent = udp_sendto(pcb_, &packet, &to.address, to.port);
    }
    pcb_->ttl = old_hops;
    pcb_->tos = old_class;
    if (sent == ERR_OK) return {};
    return sent == ERR_VAL ? Errno::eacces : errno_of(sent);  // ERR_VAL: a broadcast without SO_BROADCAST
}

Result<std::size_t> UdpSocket::send(OutgoingMessage& message) {
    std::size_t size = message.data.remaining();
    if ((message.flags & message_flag::out_of_band) != 0) return Errno::eopnotsupp;
    if (size > largest_datagram_bytes) return Errno::emsgsize;
    if (writing_shut_) return Errno::epipe;
    if (int error = take_error()) return static_cast<Errno>(error);
    InetEndpoint to{};
    if (!message.to.is_empty() && message.to.family() != Family::unspecified) {
        to = HUSK_TRY(inet_endpoint(message.to, family(), ip_.only_ipv6));
        if (to.port == 0) return Errno::einval;
        make_definite(to.address, family() == Family::inet6);
    } else {
        StackGuard guard;
        if (!is_connected_) return Errno::edestaddrreq;
        to = {pcb_->remote_ip, pcb_->remote_port};
    }
    Packet packet(pbuf_alloc(PBUF_TRANSPORT, static_cast<u16_t>(size), PBUF_RAM));
    if (!packet) return Errno::enobufs;
    if (size != 0) HUSK_TRY(message.data.take(packet->payload, size));
    HUSK_TRY(transmit(*packet, to, message.control));
    return size;
}

void UdpSocket::fill_control(IncomingMessage& message, const Datagram& datagram) {
    Control& control = message.control;
    if (options_.timestamp || options_.timestamp_ns) {
        control.timestamp_ns = datagram.arrived_ns;
        control.timestamp_is_precise = options_.timestamp_ns;
    }
    if (ip_.wants_packet_info) control.packet = packet_info_of(datagram.destination, datagram.interface);
    if (ip_.wants_hop_limit) control.hop_limit = datagram.hop_limit;
    if (ip_.wants_class) control.traffic_class = datagram.traffic_class;
}

Result<std::size_t> UdpSocket::receive(IncomingMessage& message) {
    if ((message.flags & message_flag::out_of_band) != 0) return Errno::eopnotsupp;
    if ((message.flags & message_flag::error_queue) != 0) return receive_error(message);
    std::unique_ptr<Datagram> datagram;
    while (!(datagram = received_.take())) {
        if (int error = take_error()) return static_cast<Errno>(error);
        if (reading_shut_) return 0;
        if (!waits(message.flags)) return Errno::eagain;
        HUSK_TRY(wait_for(waiters_.readers, options_.receive_timeout_ns,
                          [this] { return !received_.is_empty() || reading_shut_ || error_ != 0; }));
    }
    std::size_t size = datagram->packet->tot_len;
    std::size_t bytes = std::min(size, message.data.remaining());
    std::size_t left = bytes;
    for (const pbuf* part = datagram->packet; left != 0; part = part->next) {
        std::size_t piece = std::min<std::size_t>(part->len, left);
        HUSK_TRY(message.data.put(part->payload, piece));
        left -= piece;
    }
    if (bytes < size) message.result_flags |= message_flag::truncated;
    message.from = inet_address(datagram->from.address, datagram->from.port, family());
    fill_control(message, *datagram);
    if ((message.flags & message_flag::peek) != 0) received_.put_back(std::move(datagram));
    return (message.flags & message_flag::truncated) != 0 ? size : bytes;
}

}  // namespace husk::net
