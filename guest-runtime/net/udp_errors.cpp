// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/net/udp_errors.hpp"

#include <algorithm>
#include <memory>

#include <lwip/ip.h>
#include <lwip/udp.h>

#include "guest-runtime/net/udp_socket.hpp"
#include "guest-runtime/thread/clock.hpp"

namespace husk::net {

namespace {

bool is_connected_to(const udp_pcb& pcb, const InetEndpoint& remote) {
    return (pcb.flags & UDP_FLAGS_CONNECTED) != 0 && pcb.remote_port == remote.port &&
           ip_addr_cmp_zoneless(&pcb.remote_ip, &remote.address);
}

bool may_have_sent(const udp_pcb& pcb, const IcmpError& error) {
    if (pcb.local_port != error.local.port) return false;
    bool is_any = ip_addr_isany_val(pcb.local_ip) || IP_IS_ANY_TYPE_VAL(pcb.local_ip);
    if (!is_any && !ip_addr_cmp_zoneless(&pcb.local_ip, &error.local.address)) return false;
    return (pcb.flags & UDP_FLAGS_CONNECTED) == 0 || is_connected_to(pcb, error.remote);
}

}  // namespace

void tell_udp_sockets(const IcmpError& error, const pbuf& message) {
    const udp_pcb* best = nullptr;
    for (const udp_pcb* pcb = udp_pcbs; pcb != nullptr; pcb = pcb->next) {
        if (!may_have_sent(*pcb, error)) continue;
        best = pcb;
        if (is_connected_to(*pcb, error.remote)) break;
    }
    UdpSocket* socket = best == nullptr ? nullptr : UdpSocket::of(*best);
    if (socket != nullptr) socket->on_unreachable(error, message, {*ip_current_src_addr(), 0});
}

void UdpSocket::on_unreachable(const IcmpError& error, const pbuf& message, const InetEndpoint& reporter) {
    if (!ip_.wants_errors && !(error.is_hard && is_connected_)) return;
    error_.store(static_cast<int>(error.error), std::memory_order_release);
    if (ip_.wants_errors) {
        std::size_t size = message.tot_len - std::min<std::size_t>(message.tot_len, error.payload_offset);
        pbuf* payload = pbuf_alloc(PBUF_RAW, static_cast<u16_t>(size), PBUF_RAM);
        std::unique_ptr<Datagram> datagram(payload == nullptr ? nullptr : new (std::nothrow) Datagram(payload));
        if (datagram) {
            if (size != 0) {
                pbuf_copy_partial(&message, payload->payload, static_cast<u16_t>(size),
                                  static_cast<u16_t>(error.payload_offset));
            }
            datagram->error.reset(new (std::nothrow) IcmpError(error));
            datagram->from = reporter;
            datagram->arrived_ns = thread::realtime_ns();
            if (datagram->error) (void)errors_.append(std::move(datagram), options_.receive_buffer_bytes);
        } else if (payload != nullptr) {
            pbuf_free(payload);
        }
    }
    waiters_.wake_all();
}

// MSG_ERRQUEUE never waits.
Result<std::size_t> UdpSocket::receive_error(IncomingMessage& message) {
    std::unique_ptr<Datagram> datagram = errors_.take();
    if (!datagram) return Errno::eagain;
    // The error that the next call would have returned is that of the next in the queue.
    error_.store(errors_.first_error(), std::memory_order_release);
    std::size_t size = datagram->packet->tot_len;
    std::size_t bytes = std::min(size, message.data.remaining());
    if (bytes != 0) HUSK_TRY(message.data.put(datagram->packet->payload, bytes));
    message.result_flags |= message_flag::error_queue;
    if (bytes < size) message.result_flags |= message_flag::truncated;
    const IcmpError& error = *datagram->error;
    message.from = inet_address(error.remote.address, error.remote.port, family());
    constexpr std::uint8_t origin_icmp = 2, origin_icmp6 = 3;
    bool is_ipv6 = IP_IS_V6_VAL(datagram->from.address);
    message.control.error = QueuedError{static_cast<std::uint32_t>(error.error),
                                        is_ipv6 ? origin_icmp6 : origin_icmp,
                                        error.type,
                                        error.code,
                                        error.info,
                                        family() == Family::inet6,
                                        inet_address(datagram->from.address, 0, family())};
    fill_control(message, *datagram);
    message.control.packet.reset();
    return bytes;
}

}  // namespace husk::net
