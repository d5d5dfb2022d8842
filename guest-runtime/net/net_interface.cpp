// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/net/net_interface.hpp"

#include <cstring>
#include <new>

#include <lwip/etharp.h>
#include <lwip/ethip6.h>
#include <netif/ethernet.h>

#include "guest-runtime/net/last_bytes.hpp"
#include "guest-runtime/net/received_packet.hpp"
#include "guest-runtime/net/stack.hpp"
#include "guest-runtime/net/stack_timer.hpp"
#include "guest-runtime/thread/death.hpp"

namespace husk::net {

namespace {

constinit NetInterface* interfaces = nullptr;

}  // namespace

// What lwIP calls, with the stack's lock held.
struct InterfaceCallbacks {
    static err_t initialise(netif* interface) {
        auto& self = *static_cast<NetInterface*>(interface->state);
        const NetDeviceFacts& facts = self.device_.facts();
        interface->name[0] = 'e';
        interface->name[1] = 't';
        interface->mtu = facts.mtu;
        interface->hwaddr_len = static_cast<u8_t>(facts.mac.size());
        std::memcpy(interface->hwaddr, facts.mac.data(), facts.mac.size());
        interface->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET | NETIF_FLAG_IGMP |
                           NETIF_FLAG_MLD6 | NETIF_FLAG_LINK_UP;
        interface->output = etharp_output;
        interface->output_ip6 = ethip6_output;
        interface->linkoutput = [](netif* of, pbuf* frame) {
            return static_cast<NetInterface*>(of->state)->sender_.send(*frame);
        };
        if (facts.completes_checksums) {
            NETIF_SET_CHECKSUM_CTRL(interface, NETIF_CHECKSUM_ENABLE_ALL & ~NETIF_CHECKSUM_GEN_TCP);
        }
        return ERR_OK;
    }
};

Result<> NetInterface::attach() {
    if (netif_add_noaddr(&interface_, this, InterfaceCallbacks::initialise, ethernet_input) == nullptr) {
        return Errno::enomem;
    }
    netif_create_ip6_linklocal_address(&interface_, 1);
    netif_set_ip6_autoconfig_enabled(&interface_, 1);
    if (netif_default == nullptr) netif_set_default(&interface_);
    netif_set_up(&interface_);
    next = interfaces;
    interfaces = this;
    note_interface_change();
    return {};
}

void NetInterface::on_frame(std::span<const IncomingPiece> pieces, bool checksum_is_right) {
    std::size_t size = 0;
    for (const IncomingPiece& piece : pieces) size += piece.size_bytes;
    pbuf* packet = take_packet(pieces);
    if (packet == nullptr) {
        ++counters_.received_drops;
        return;
    }
    ++counters_.received_packets;
    counters_.received_bytes += size;
    // The first bit of an Ethernet address: a group, or everybody.
    if ((*static_cast<const u8_t*>(packet->payload) & 1) != 0) ++counters_.received_multicast;
    constexpr u16_t checks = NETIF_CHECKSUM_CHECK_TCP | NETIF_CHECKSUM_CHECK_UDP;
    u16_t flags = interface_.chksum_flags;
    if (checksum_is_right) NETIF_SET_CHECKSUM_CTRL(&interface_, static_cast<u16_t>(flags & ~checks));
    if (interface_.input(packet, &interface_) != ERR_OK) pbuf_free(packet);
    NETIF_SET_CHECKSUM_CTRL(&interface_, flags);
}

void NetInterface::on_link(bool is_up) {
    if (is_up) {
        netif_set_link_up(&interface_);
    } else {
        netif_set_link_down(&interface_);
    }
    note_interface_change();
}

namespace {
constinit InterfaceCounters own{};
}  // namespace

void count_own_packet(std::size_t size_bytes) {
    ++own.received_packets;
    ++own.sent_packets;
    own.received_bytes += size_bytes;
    own.sent_bytes += size_bytes;
}

const InterfaceCounters& counters_of(const netif& interface) {
    if (netif_get_index(&interface) == 1) return own;
    return static_cast<const NetInterface*>(interface.state)->counters();
}

void flush_net_devices() {
    for (NetInterface* interface = interfaces; interface != nullptr; interface = interface->next) interface->flush();
}

// Devices are there before the application, and stay.
void notify_net_devices() {
    for (NetInterface* interface = interfaces; interface != nullptr; interface = interface->next) interface->notify();
}

void refill_net_devices() {
    for (NetInterface* interface = interfaces; interface != nullptr; interface = interface->next) interface->refill();
}

Result<> add_net_device(NetDevice& device) {
    start_stack();
    auto* interface = new (std::nothrow) NetInterface(device);
    if (interface == nullptr) return Errno::enomem;
    if (interfaces == nullptr) thread::add_exit_hook(deliver_last_bytes);
    StackGuard guard;
    return interface->attach();
}

void serve_net_devices() {
    StackGuard guard(Work::stacks_own);
    for (NetInterface* interface = interfaces; interface != nullptr; interface = interface->next) interface->serve();
}

}  // namespace husk::net
