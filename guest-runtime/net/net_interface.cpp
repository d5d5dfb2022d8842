// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/net/net_interface.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <new>

#include <lwip/etharp.h>
#include <lwip/ethip6.h>
#include <lwip/prot/ip.h>
#include <lwip/prot/ip4.h>
#include <lwip/prot/ip6.h>
#include <lwip/prot/tcp.h>
#include <netif/ethernet.h>

#include "guest-runtime/net/last_bytes.hpp"
#include "guest-runtime/net/partial_checksum.hpp"
#include "guest-runtime/net/stack.hpp"
#include "guest-runtime/net/stack_timer.hpp"
#include "guest-runtime/thread/death.hpp"

namespace husk::net {

namespace {

constexpr std::size_t most_pieces = 64;
// A frame up to this size is copied, so that its buffer goes back to the device at once and a peer that sends little
// pieces does not hold much memory.
constexpr std::size_t copied_bytes = 512;
constexpr std::size_t least_frame_bytes = 60;  // without the check sequence
// lwIP looks for all of a frame's headers in its first buffer.
constexpr std::size_t headers_bytes = 160;

constinit NetInterface* interfaces = nullptr;

// A device's buffer as a packet buffer.
struct BorrowedBuffer {
    pbuf_custom packet;
    ReceivedBuffer* buffer;

    static void on_free(pbuf* packet) {
        // SAFETY: the pbuf is the first member of the pbuf_custom, and that of a BorrowedBuffer.
        auto* borrowed = reinterpret_cast<BorrowedBuffer*>(packet);
        borrowed->buffer->release();
        delete borrowed;
    }
};

std::uint16_t load16(const std::byte* at) {
    std::uint16_t value;
    std::memcpy(&value, at, sizeof value);
    return value;
}

struct ChecksumPlace {
    std::uint16_t start = 0;
    std::uint16_t offset = 0;
};

// Leaves the pseudo header's sum in a TCP segment's checksum field, as the device wants it [virtio 5.1.6.2]. Of frames
// that carry no whole segment: nothing.
ChecksumPlace prepare_checksum(pbuf& frame) {
    auto* bytes = static_cast<std::byte*>(frame.payload);
    if (frame.len < SIZEOF_ETH_HDR + IP_HLEN + TCP_HLEN) return {};
    std::byte* ip = bytes + SIZEOF_ETH_HDR;
    std::uint16_t type = load16(bytes + 12);
    std::size_t header = 0;
    if (type == PP_HTONS(ETHTYPE_IP)) {
        header = (std::to_integer<std::size_t>(ip[0]) & 0xf) * 4;
        bool is_fragment = (load16(ip + 6) & PP_HTONS(IP_MF | IP_OFFMASK)) != 0;
        if (std::to_integer<unsigned>(ip[9]) != IP_PROTO_TCP || is_fragment) return {};
    } else if (type == PP_HTONS(ETHTYPE_IPV6)) {
        header = IP6_HLEN;
        if (std::to_integer<unsigned>(ip[6]) != IP6_NEXTH_TCP) return {};
    } else {
        return {};
    }
    ChecksumPlace place;
    place.start = static_cast<std::uint16_t>(SIZEOF_ETH_HDR + header);
    place.offset = offsetof(tcp_hdr, chksum);
    if (frame.len < place.start + TCP_HLEN) return {};
    std::size_t segment = frame.tot_len - place.start;
    std::uint16_t partial = pseudo_header_sum(ip, type == PP_HTONS(ETHTYPE_IPV6), segment);
    std::memcpy(bytes + place.start + place.offset, &partial, sizeof partial);
    return place;
}

// Filled up to what Ethernet's shortest frame has: lwIP counts on that much where it looks at ARP.
pbuf* copied(std::span<const IncomingPiece> pieces, std::size_t size_bytes) {
    std::size_t filled_bytes = std::max(size_bytes, least_frame_bytes);
    pbuf* packet = pbuf_alloc(PBUF_RAW, static_cast<u16_t>(filled_bytes), PBUF_RAM);
    if (packet == nullptr) return nullptr;
    auto* to = static_cast<std::byte*>(packet->payload);
    std::memset(to + size_bytes, 0, filled_bytes - size_bytes);
    for (const IncomingPiece& piece : pieces) {
        std::memcpy(to, piece.data, piece.size_bytes);
        to += piece.size_bytes;
    }
    return packet;
}

pbuf* borrowed(std::span<const IncomingPiece> pieces) {
    pbuf* whole = nullptr;
    for (const IncomingPiece& piece : pieces) {
        auto* made = new (std::nothrow) BorrowedBuffer{};
        auto size = static_cast<u16_t>(piece.size_bytes);
        if (made == nullptr) {
            piece.buffer->release();
            continue;
        }
        made->buffer = piece.buffer;
        made->packet.custom_free_function = BorrowedBuffer::on_free;
        pbuf* part = pbuf_alloced_custom(PBUF_RAW, size, PBUF_REF, &made->packet, piece.data, size);
        if (whole == nullptr) {
            whole = part;
        } else {
            pbuf_cat(whole, part);
        }
    }
    return whole;
}

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
            return static_cast<NetInterface*>(of->state)->send(*frame);
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
    in_flight_.attach();
    note_interface_change();
    return {};
}

err_t NetInterface::send(pbuf& frame) {
    const NetDeviceFacts& facts = device_.facts();
    if (!facts.cuts_ipv4 && !facts.cuts_ipv6) return send_alone(frame);
    bool has_room = pbuf_add_header(&frame, device_header_bytes) == 0;
    if (has_room) pbuf_remove_header(&frame, device_header_bytes);
    auto joins_train = [&] {
        bool is_first = train_.is_empty();
        if (!has_room || !train_.add(frame, facts.cuts_ipv4, facts.cuts_ipv6)) return false;
        if (is_first) in_flight_.begin();
        pbuf_ref(&frame);
        return true;
    };
    if (joins_train()) return ERR_OK;
    send_train();
    if (joins_train()) return ERR_OK;
    return send_alone(frame);
}

// The frames of a train, until the device has read them.
struct FramesHeld {
    std::size_t count;
    pbuf* frames[SegmentTrain::most_frames];
};

void NetInterface::send_train() {
    if (train_.is_empty()) return;
    std::span<pbuf* const> frames = train_.frames();
    auto* held = frames.size() > 1 ? new (std::nothrow) FramesHeld : nullptr;
    if (held != nullptr) {
        held->count = frames.size();
        std::ranges::copy(frames, held->frames);
        OutgoingFrame whole = train_.finish();
        // SAFETY: both are aligned to 8 at least; the lowest bit tells them apart in on_sent().
        whole.token = reinterpret_cast<void*>(reinterpret_cast<std::uintptr_t>(held) | 1);
        if (device_.send(whole).ok()) {
            counters_.sent_packets += frames.size();
            counters_.sent_bytes += train_.size_bytes();
        } else {
            // Lost, as on a wire; TCP sends it again.
            in_flight_.cancel_newest();
            counters_.sent_drops += frames.size();
            for (pbuf* frame : frames) pbuf_free(frame);
            delete held;
        }
    } else {
        in_flight_.cancel_newest();
        for (pbuf* frame : frames) {
            (void)send_alone(*frame);
            pbuf_free(frame);
        }
    }
    train_.clear();
}

err_t NetInterface::send_alone(pbuf& frame) {
    std::array<FramePiece, most_pieces> pieces;
    std::size_t count = 0;
    ChecksumPlace checksum;
    if (device_.facts().completes_checksums) checksum = prepare_checksum(frame);
    // The driver's header goes in front; lwIP keeps room for it (PBUF_LINK_ENCAPSULATION_HLEN).
    if (pbuf_add_header(&frame, device_header_bytes) != 0) return ERR_BUF;
    for (pbuf* part = &frame; part != nullptr; part = part->next) {
        if (count == pieces.size()) {
            pbuf_remove_header(&frame, device_header_bytes);
            return ERR_BUF;
        }
        if (part->len != 0) pieces[count++] = {static_cast<std::byte*>(part->payload), part->len};
    }
    pbuf_ref(&frame);
    auto sent = device_.send({std::span(pieces).first(count), checksum.start, checksum.offset, &frame});
    pbuf_remove_header(&frame, device_header_bytes);
    if (!sent.ok()) {
        ++counters_.sent_drops;
        pbuf_free(&frame);
        return ERR_MEM;
    }
    ++counters_.sent_packets;
    counters_.sent_bytes += frame.tot_len;
    in_flight_.begin();
    return ERR_OK;
}

void NetInterface::on_sent(void* token) {
    // SAFETY: only its lowest bit is looked at, which no pointer to a pbuf has.
    auto address = reinterpret_cast<std::uintptr_t>(token);
    if ((address & 1) != 0) {
        // SAFETY: send_train() has marked it so.
        auto* held = reinterpret_cast<FramesHeld*>(address - 1);
        for (std::size_t i = 0; i < held->count; ++i) pbuf_free(held->frames[i]);
        delete held;
    } else {
        pbuf_free(static_cast<pbuf*>(token));
    }
    in_flight_.end_oldest();
}

void NetInterface::on_frame(std::span<const IncomingPiece> pieces, bool checksum_is_right) {
    std::size_t size = 0;
    for (const IncomingPiece& piece : pieces) size += piece.size_bytes;
    pbuf* packet = nullptr;
    bool is_frame = size >= SIZEOF_ETH_HDR && size <= UINT16_MAX;
    if (!is_frame || size <= copied_bytes || pieces.front().size_bytes < headers_bytes) {
        if (is_frame) packet = copied(pieces, size);
        for (const IncomingPiece& piece : pieces) piece.buffer->release();
    } else {
        packet = borrowed(pieces);
    }
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

Result<> add_net_device(NetDevice& device) {
    start_stack();
    auto* interface = new (std::nothrow) NetInterface(device);
    if (interface == nullptr) return Errno::enomem;
    if (interfaces == nullptr) thread::add_exit_hook(deliver_last_bytes);
    StackGuard guard;
    return interface->attach();
}

void serve_net_devices() {
    StackGuard guard;
    for (NetInterface* interface = interfaces; interface != nullptr; interface = interface->next) interface->serve();
}

}  // namespace husk::net
