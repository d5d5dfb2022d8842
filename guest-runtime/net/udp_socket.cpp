// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/net/udp_socket.hpp"

#include <algorithm>

#include <lwip/ip.h>
#include <lwip/udp.h>

#include "guest-runtime/base/user_memory.hpp"
#include "guest-runtime/fs/anonymous_inode.hpp"
#include "guest-runtime/fs/make_ref_as.hpp"
#include "guest-runtime/fs/terminal.hpp"
#include "guest-runtime/net/interface_requests.hpp"
#include "guest-runtime/net/local_ports.hpp"
#include "guest-runtime/net/multicast.hpp"
#include "guest-runtime/net/option_value.hpp"
#include "guest-runtime/net/stack.hpp"
#include "guest-runtime/thread/clock.hpp"

namespace husk::net {

namespace {

constexpr std::size_t largest_datagram_bytes = 65507;

struct PacketDeleter {
    void operator()(pbuf* packet) const { pbuf_free(packet); }
};
using Packet = std::unique_ptr<pbuf, PacketDeleter>;

}  // namespace

// What lwIP calls, with the stack's lock held.
struct UdpCallbacks {
    static void on_received(void* argument, udp_pcb*, pbuf* chain, const ip_addr_t* from, u16_t port) {
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
};

Result<> UdpSocket::open() {
    StackGuard guard;
    pcb_ = udp_new_ip_type(family() == Family::inet6 ? IPADDR_TYPE_ANY : IPADDR_TYPE_V4);
    if (pcb_ == nullptr) return Errno::enobufs;
    udp_recv(pcb_, UdpCallbacks::on_received, this);
    return {};
}

UdpSocket::~UdpSocket() {
    StackGuard guard;
    if (pcb_ == nullptr) return;
    leave_all_groups(*this);
    udp_remove(pcb_);
}

UdpSocket* UdpSocket::of(const udp_pcb& pcb) {
    return pcb.recv == UdpCallbacks::on_received ? static_cast<UdpSocket*>(pcb.recv_arg) : nullptr;
}

void UdpSocket::on_option_changed(int) { apply_options(); }

void UdpSocket::apply_options() {
    StackGuard guard;
    ip_reset_option(pcb_, SOF_REUSEADDR | SOF_BROADCAST);
    if (options_.reuse_address || options_.reuse_port) ip_set_option(pcb_, SOF_REUSEADDR);
    if (options_.broadcast) ip_set_option(pcb_, SOF_BROADCAST);
    pcb_->ttl = ip_.hop_limit;
    pcb_->tos = ip_.traffic_class;
    pcb_->netif_idx = static_cast<u8_t>(options_.bound_interface);
    udp_set_multicast_ttl(pcb_, ip_.multicast_hops);
    udp_set_multicast_netif_index(pcb_, static_cast<u8_t>(ip_.multicast_interface.load()));
    udp_clear_flags(pcb_, UDP_FLAGS_MULTICAST_LOOP);
    if (ip_.multicast_loops) udp_set_flags(pcb_, UDP_FLAGS_MULTICAST_LOOP);
}

// lwIP looks at sockets of the same family only.
bool UdpSocket::is_taken(const InetEndpoint& at) const {
    for (const udp_pcb* pcb = udp_pcbs; pcb != nullptr; pcb = pcb->next) {
        if (pcb == pcb_ || pcb->local_port != at.port || !overlap(pcb->local_ip, at.address)) continue;
        const UdpSocket* other = of(*pcb);
        if (other == nullptr) return true;
        bool may_share = (options_.reuse_address && other->options_.reuse_address) ||
                         (options_.reuse_port && other->options_.reuse_port);
        if (!may_share) return true;
    }
    return false;
}

Result<> UdpSocket::bind(const Address& address) {
    InetEndpoint to = HUSK_TRY(own_endpoint(address, family(), ip_.only_ipv6));
    StackGuard guard;
    if (pcb_->local_port != 0) return Errno::einval;
    if (!is_free_to_bind() && !may_bind_to(to.address)) return Errno::eaddrnotavail;
    if (to.port != 0 && is_taken(to)) return Errno::eaddrinuse;
    err_t bound = udp_bind(pcb_, &to.address, to.port);
    return bound == ERR_OK ? Result<>() : errno_of(bound);
}

Result<> UdpSocket::connect(const Address& address) {
    if (address.size_bytes >= sizeof(std::uint16_t) && address.family() == Family::unspecified) {
        StackGuard guard;
        udp_disconnect(pcb_);
        is_connected_ = false;
        return {};
    }
    InetEndpoint to = HUSK_TRY(inet_endpoint(address, family(), ip_.only_ipv6));
    StackGuard guard;
    make_definite(to.address, family() == Family::inet6);
    netif* route = ip_route(&pcb_->local_ip, &to.address);
    if (route == nullptr) return Errno::enetunreach;
    if (IP_IS_V4_VAL(to.address) && ip4_addr_isbroadcast(ip_2_ip4(&to.address), route) && !options_.broadcast) {
        return Errno::eacces;
    }
    err_t connected = udp_connect(pcb_, &to.address, to.port);
    if (connected != ERR_OK) return errno_of(connected);
    // The source address is chosen now, as getsockname(2) will tell.
    if (ip_addr_isany_val(pcb_->local_ip) || IP_IS_ANY_TYPE_VAL(pcb_->local_ip)) {
        if (const ip_addr_t* source = ip_netif_get_local_ip(route, &to.address)) ip_addr_copy(pcb_->local_ip, *source);
    }
    is_connected_ = true;
    return {};
}

Result<Address> UdpSocket::name() {
    StackGuard guard;
    return inet_address(pcb_->local_ip, pcb_->local_port, family());
}

Result<Address> UdpSocket::peer_name() {
    StackGuard guard;
    if (!is_connected_) return Errno::enotconn;
    return inet_address(pcb_->remote_ip, pcb_->remote_port, family());
}

Result<> UdpSocket::shut_down(bool reading, bool writing) {
    if (!is_connected_) return Errno::enotconn;
    if (reading) reading_shut_ = true;
    if (writing) writing_shut_ = true;
    waiters_.wake_all();
    return {};
}

Result<> UdpSocket::transmit(pbuf& packet, const InetEndpoint& to, const Control& control) {
    StackGuard guard;
    u8_t old_hops = pcb_->ttl, old_class = pcb_->tos;
    if (control.hop_limit) pcb_->ttl = *control.hop_limit;
    if (control.traffic_class) pcb_->tos = *control.traffic_class;
    err_t sent;
    netif* route = control.packet && control.packet->interface != 0
                       ? netif_get_by_index(static_cast<u8_t>(control.packet->interface))
                       : nullptr;
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

unsigned UdpSocket::poll(unsigned) {
    using namespace fs;
    unsigned bits = poll_bit::writable | poll_bit::write_band;
    if (error_ != 0 || !errors_.is_empty()) bits |= poll_bit::error;
    if (!received_.is_empty()) bits |= poll_bit::readable;
    if (reading_shut_) bits |= poll_bit::readable | poll_bit::peer_closed;
    if (reading_shut_ && writing_shut_) bits |= poll_bit::hang_up;
    return bits;
}

Result<long> UdpSocket::ioctl(std::uint64_t request, std::uint64_t argument) {
    std::size_t count = 0;
    if (request == fs::ioctl_request::fionread) {
        count = received_.first_bytes();
    } else if (request != fs::ioctl_request::tiocoutq) {
        return interface_ioctl(request, argument);
    }
    HUSK_TRY(UserPtr<std::int32_t>(argument).store(static_cast<std::int32_t>(count)));
    return 0;
}

Result<> UdpSocket::change_membership(int level, int option, std::span<const std::byte> value) {
    StackGuard guard;
    return change_group(*this, level, option, value, ip_);
}

bool UdpSocket::serves(int level) const {
    return level == level_ip || (level == level_ipv6 && family() == Family::inet6);
}

Result<> UdpSocket::set_option(int level, int option, std::span<const std::byte> value) {
    if (level == level_udp) return Errno::enoprotoopt;
    if (!serves(level)) return Socket::set_option(level, option, value);
    if (RememberedOptions::has(level, option)) return remember(level, option, value);
    if (is_group_option(level, option)) {
        HUSK_TRY(change_membership(level, option, value));
    } else {
        bool is_bound = false;
        {
            StackGuard guard;
            is_bound = pcb_->local_port != 0;
        }
        HUSK_TRY(ip_.set(level, option, value, is_bound));
        if (ip_.only_ipv6) {
            StackGuard guard;
            IP_SET_TYPE_VAL(pcb_->local_ip, IPADDR_TYPE_V6);
            IP_SET_TYPE_VAL(pcb_->remote_ip, IPADDR_TYPE_V6);
        }
    }
    apply_options();
    return {};
}

Result<std::size_t> UdpSocket::get_option(int level, int option, std::span<std::byte> to) {
    if (level == level_udp) return Errno::enoprotoopt;
    if (!serves(level)) return Socket::get_option(level, option, to);
    if (RememberedOptions::has(level, option)) return recall(level, option, to);
    return ip_.get(level, option, to);
}

Result<RefPtr<Socket>> make_udp_socket(Family family, std::uint32_t flags) {
    start_stack();
    RefPtr<fs::Inode> inode =
        HUSK_TRY((fs::make_ref_as<fs::Inode, fs::AnonymousInode>(fs::FileType::socket, "socket")));
    RefPtr<UdpSocket> socket = HUSK_TRY(make_ref<UdpSocket>(std::move(inode), flags, family));
    HUSK_TRY(socket->open());
    return RefPtr<Socket>(std::move(socket));
}

}  // namespace husk::net
