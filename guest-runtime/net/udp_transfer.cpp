// SPDX-License-Identifier: Apache-2.0
// Datagrams of a UDP socket, out and in.
#include <algorithm>

#include <lwip/ip.h>
#include <lwip/udp.h>

#include "guest-runtime/net/route_mtu.hpp"
#include "guest-runtime/net/stack.hpp"
#include "guest-runtime/net/udp_socket.hpp"
#include "guest-runtime/thread/clock.hpp"

namespace husk::net {

namespace {

constexpr std::size_t largest_datagram_bytes = 65507;
constexpr std::size_t most_segments = 128;  // UDP_MAX_SEGMENTS

struct PacketDeleter {
    void operator()(pbuf* packet) const { pbuf_free(packet); }
};
using Packet = std::unique_ptr<pbuf, PacketDeleter>;

Result<> copy_out_of(const Datagram& datagram, std::size_t start, std::size_t bytes, fs::IoBuffer& to) {
    for (const pbuf* part = datagram.packet; bytes != 0; part = part->next) {
        std::size_t skipped = std::min<std::size_t>(part->len, start);
        start -= skipped;
        std::size_t piece = std::min<std::size_t>(part->len - skipped, bytes);
        if (piece != 0) HUSK_TRY(to.put(static_cast<const std::byte*>(part->payload) + skipped, piece));
        bytes -= piece;
    }
    return {};
}

}  // namespace

void UdpCallbacks::on_received(void* argument, udp_pcb*, pbuf* chain, const ip_addr_t* from, std::uint16_t port) {
    auto& socket = *static_cast<UdpSocket*>(argument);
    Packet packet(chain);
    std::unique_ptr<Datagram> datagram(new (std::nothrow) Datagram(chain));
    if (!datagram) return;
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
    if (int error = take_error()) return static_cast<Errno>(error);
    if (writing_shut_) return Errno::epipe;
    std::size_t segment = message.control.segment_bytes.value_or(segment_bytes_.load());
    if (segment != 0) HUSK_TRY(check_segments(message, to, segment));
    HUSK_TRY(send_segments(message, to, segment));
    return size;
}

// A segment is a packet, not fragments of one.
Result<> UdpSocket::check_segments(const OutgoingMessage& message, const InetEndpoint& to, std::size_t segment_bytes) {
    std::size_t size = message.data.remaining();
    std::size_t headers = (IP_IS_V6_VAL(to.address) ? IP6_HLEN : IP_HLEN) + std::size_t{UDP_HLEN};
    auto mtu = [&] {
        StackGuard guard;
        const auto& packet = message.control.packet;
        return route_mtu(pcb_->local_ip, to.address,
                         packet && packet->interface != 0 ? packet->interface : pcb_->netif_idx);
    }();
    // Without a way transmit() says so.
    if (mtu.ok() && headers + std::min(size, segment_bytes) > mtu.value()) return Errno::emsgsize;
    return size <= segment_bytes * most_segments ? Result<>() : Errno::einval;
}

// After the first, one that cannot be sent is lost, as any may be.
Result<> UdpSocket::send_segments(OutgoingMessage& message, const InetEndpoint& to, std::size_t segment_bytes) {
    bool is_first = true;
    do {
        std::size_t left = message.data.remaining();
        std::size_t size = segment_bytes != 0 ? std::min(left, segment_bytes) : left;
        Packet packet(pbuf_alloc(PBUF_TRANSPORT, static_cast<u16_t>(size), PBUF_RAM));
        if (!packet) return is_first ? Result<>(Errno::enobufs) : Result<>();
        if (size != 0) HUSK_TRY(message.data.take(packet->payload, size));
        auto sent = transmit(*packet, to, message.control);
        if (is_first && !sent.ok()) return sent;
        is_first = false;
    } while (message.data.remaining() != 0);
    return {};
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

// The datagram that has the byte at `offset` of all that wait, and its place in that. With SO_PEEK_OFF an empty one is
// seen once.
Datagram* UdpSocket::find_at(std::size_t& offset, bool passes_seen) {
    for (Datagram* datagram = received_.first(); datagram != nullptr; datagram = received_.behind(*datagram)) {
        std::size_t size = datagram->packet->tot_len;
        bool passes_empty = passes_seen && size == 0 && datagram->was_seen;
        if (offset < size || (offset == 0 && !passes_empty)) return datagram;
        offset -= size;
    }
    return nullptr;
}

// What there is, without waiting. EAGAIN.
Result<std::size_t> UdpSocket::receive_now(IncomingMessage& message) {
    bool peeks = (message.flags & message_flag::peek) != 0;
    Guard reading(received_.reader());
    const PeekPlace place(options_.peek_offset, peeks);
    std::size_t start = place.passed_bytes();
    std::unique_ptr<Datagram> taken = peeks ? nullptr : received_.take();
    Datagram* datagram = peeks ? find_at(start, place.is_on()) : taken.get();
    if (datagram == nullptr) return Errno::eagain;
    if (!peeks && !place.is_on()) reading.unlock();  // readers copy side by side
    std::size_t size = datagram->packet->tot_len;
    std::size_t room = message.data.remaining();
    std::size_t bytes = std::min(size - start, room);
    HUSK_TRY(copy_out_of(*datagram, start, bytes, message.data));
    if (room <= size - start && bytes < size) message.result_flags |= message_flag::truncated;
    std::size_t answer = (message.flags & message_flag::truncated) != 0 ? size : bytes;
    place.move(answer);
    datagram->was_seen = true;
    message.from = inet_address(datagram->from.address, datagram->from.port, family());
    fill_control(message, *datagram);
    return answer;
}

Result<std::size_t> UdpSocket::receive(IncomingMessage& message) {
    if ((message.flags & message_flag::out_of_band) != 0) return Errno::eopnotsupp;
    if ((message.flags & message_flag::error_queue) != 0) return receive_error(message);
    bool peeks = (message.flags & message_flag::peek) != 0;
    for (;;) {
        std::uint64_t seen = received_.arrivals();
        auto got = receive_now(message);
        if (got.ok() || got.error() != Errno::eagain) return got;
        if (int error = take_error()) return static_cast<Errno>(error);
        if (!waits(message.flags)) return Errno::eagain;
        if (reading_shut_) return 0;  // only who would wait is told; what arrives is still received
        auto has_news = [&] {
            bool has_some = peeks ? received_.arrivals() != seen : !received_.is_empty();
            return has_some || reading_shut_ || error_ != 0;
        };
        // Who only looks leaves all to the next.
        auto turn = peeks ? thread::Turn::shared : thread::Turn::exclusive;
        HUSK_TRY(wait_for(waiters_.readers, options_.receive_timeout_ns, has_news, turn));
    }
}

}  // namespace husk::net
