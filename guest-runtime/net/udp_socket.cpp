// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/net/udp_socket.hpp"

#include <lwip/ip.h>
#include <lwip/udp.h>

#include "guest-runtime/base/user_memory.hpp"
#include "guest-runtime/fs/anonymous_inode.hpp"
#include "guest-runtime/fs/make_ref_as.hpp"
#include "guest-runtime/fs/terminal.hpp"
#include "guest-runtime/net/interface_requests.hpp"
#include "guest-runtime/net/local_ports.hpp"
#include "guest-runtime/net/multicast.hpp"
#include "guest-runtime/net/stack.hpp"

namespace husk::net {

namespace {

// lwIP knows no way off its list but udp_remove().
void give_port_back(udp_pcb& pcb) {
    udp_pcb** place = &udp_pcbs;
    while (*place != nullptr && *place != &pcb) place = &(*place)->next;
    if (*place != nullptr) *place = pcb.next;
    pcb.local_port = 0;
}

}  // namespace

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
    if (bound != ERR_OK) return errno_of(bound);
    is_port_bound_ = to.port != 0;
    return {};
}

void UdpSocket::disconnect() {
    if (wildcard_) ip_addr_copy(pcb_->local_ip, *wildcard_);
    wildcard_.reset();
    if (!is_port_bound_) give_port_back(*pcb_);
    udp_disconnect(pcb_);
    options_.bound_interface = 0;  // as in Linux; lwIP has just forgotten it
    is_connected_ = false;
}

Result<> UdpSocket::connect(const Address& address) {
    if (address.size_bytes >= sizeof(std::uint16_t) && address.family() == Family::unspecified) {
        StackGuard guard;
        disconnect();
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
        if (const ip_addr_t* source = ip_netif_get_local_ip(route, &to.address)) {
            wildcard_ = pcb_->local_ip;
            ip_addr_copy(pcb_->local_ip, *source);
        }
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
    if (reading) reading_shut_ = true;
    if (writing) writing_shut_ = true;
    waiters_.wake_all();
    // As in Linux it has its effect all the same.
    return is_connected_ ? Result<>() : Errno::enotconn;
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

Result<RefPtr<Socket>> make_udp_socket(Family family, std::uint32_t flags) {
    start_stack();
    RefPtr<fs::Inode> inode =
        HUSK_TRY((fs::make_ref_as<fs::Inode, fs::AnonymousInode>(fs::FileType::socket, "socket")));
    RefPtr<UdpSocket> socket = HUSK_TRY(make_ref<UdpSocket>(std::move(inode), flags, family));
    HUSK_TRY(socket->open());
    return RefPtr<Socket>(std::move(socket));
}

}  // namespace husk::net
