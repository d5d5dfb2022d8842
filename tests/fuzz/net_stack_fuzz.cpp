// SPDX-License-Identifier: Apache-2.0
// What a network may send to the guest's stack, lwIP included as the guest has it: any frames, in any order, while
// sockets listen, send, receive and end.
//
// The input is a list of steps: a byte for what is done, then its argument.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "guest-runtime/net/stack.hpp"
#include "guest-runtime/net/tcp_table.hpp"
#include "tests/fuzz/fuzz_input.hpp"
#include "tests/support/guest_fakes/machine.hpp"
#include "tests/support/net_fakes/packets.hpp"
#include "tests/unit/guest/net/socket_calls.hpp"

using namespace husk;
using namespace husk::test;

namespace {

constexpr std::size_t ethernet_bytes = 14;

// As many bytes as the next one says, or up to the end.
Frame some(fuzz::Input& input) {
    const auto part = input.take(input.byte() * 8u);
    return {part.begin(), part.end()};
}

void store16(Frame& frame, std::size_t at, unsigned value) {
    frame[at] = static_cast<std::uint8_t>(value >> 8);
    frame[at + 1] = static_cast<std::uint8_t>(value);
}

// Behind its checks is where code is: IPv4's header is made consistent, the sums of what it carries are made right.
void make_plausible(Frame& frame) {
    if (frame.size() < ethernet_bytes + 20) return;
    frame[12] = 8;
    frame[13] = 0;
    const std::size_t header = std::clamp<std::size_t>(frame[14] % 16 * 4u, 20, 60);
    if (frame.size() < ethernet_bytes + header) return;
    frame[14] = static_cast<std::uint8_t>(0x40 | header / 4);
    store16(frame, 16, static_cast<unsigned>(frame.size() - ethernet_bytes));
    const std::array<std::uint8_t, 4> guest = {10, 0, 0, 2};
    if (frame[30] % 4 != 0) std::copy(guest.begin(), guest.end(), frame.begin() + 30);
    store16(frame, 24, 0);
    store16(frame, 24, checksum_of(sum_of(std::span(frame).subspan(14, header))));
    const std::uint8_t protocol = frame[23];
    const std::size_t at = ethernet_bytes + header;
    const std::span<std::uint8_t> payload = std::span(frame).subspan(at);
    const std::size_t sum_at = protocol == 6 ? 16 : protocol == 17 ? 6 : protocol == 1 || protocol == 2 ? 2 : SIZE_MAX;
    if (sum_at == SIZE_MAX || payload.size() < sum_at + 2) return;
    std::uint32_t sum = 0;
    if (protocol == 6 || protocol == 17) {
        sum = sum_of(std::span(frame).subspan(26, 8)) + protocol + static_cast<std::uint32_t>(payload.size());
    }
    store16(frame, at + sum_at, 0);
    store16(frame, at + sum_at, checksum_of(sum_of(payload, sum)));
}

// A guest with a listener, a connection under way, one that is there, and datagram sockets of both families.
class World {
public:
    World() {
        eth0().sent.clear();
        eth0().deliver(arp_reply(peer_ip));
        listener_ = open_listener(guest_ip, 80);
        udp_ = open_socket(SOCK_DGRAM);
        (void)udp_->bind(address_of(guest_ip, 53));
        (void)set_integer(*udp_, 0, 11, 1);
        udp6_ = open_socket(SOCK_DGRAM, AF_INET6);
        sockets_[0] = open_socket(SOCK_STREAM);
        (void)sockets_[0]->bind(address_of(guest_ip, 4000));
        (void)sockets_[0]->connect(address_of(peer_ip, 80));
        sequence_ = last_sequence();
        sockets_[1] = open_socket(SOCK_STREAM);
        (void)sockets_[1]->bind(address_of(guest_ip, 4001));
        (void)sockets_[1]->connect(address_of(peer_ip, 80));
        const std::uint32_t other = last_sequence();
        eth0().deliver(tcp_frame({80, 4001, 1000, other + 1, syn | ack, 65535, {}, {2, 4, 5, 0xb4, 3, 3, 7, 0}}));
    }
    World(const World&) = delete;
    World& operator=(const World&) = delete;
    ~World() {
        listener_ = {};
        udp_ = {};
        udp6_ = {};
        for (SocketPtr& socket : sockets_) {
            const std::array<std::int32_t, 2> at_once = {1, 0};
            if (socket) (void)socket->set_option(SOL_SOCKET, SO_LINGER, std::as_bytes(std::span(at_once)));
            socket = {};
        }
        // Nothing that a peer has done keeps a connection for ever. Fragments wait up to 60 s for others, by pointers
        // that are not aligned and look like leaks.
        for (int i = 0; i < 13 || (i < 40 && has_connections()); ++i) {
            advance_clock_ns(5'000'000'000);
            net::serve_net_devices();
            eth0().sent.clear();
            eth0().asked.clear();
        }
        if (has_connections()) std::abort();
    }

    void step(fuzz::Input& input) {
        switch (input.byte() % 8) {
            case 0: {  // a frame as it is
                const std::size_t piece = 1u + input.byte();
                eth0().deliver(some(input), piece);
                break;
            }
            case 1:
            case 2: {  // from the guest's peer, with right sums
                Frame frame = {0x52, 0x54, 0, 0, 0, 1, 0x52, 0x54, 0, 0, 0, 9, 8, 0};
                const std::size_t piece = 20u + input.byte() * 16u;
                const Frame packet = some(input);
                frame.insert(frame.end(), packet.begin(), packet.end());
                make_plausible(frame);
                eth0().deliver(frame, piece);
                break;
            }
            case 3: {  // a segment near the window of a connection
                const bool under_way = (input.byte() & 1) != 0;
                Segment segment{80, static_cast<std::uint16_t>(under_way ? 4000 : 4001),
                                1001u + input.byte() % 16 * 700u, 0, input.byte()};
                segment.acknowledgement = sequence_ + input.byte() % 8;
                segment.window = static_cast<std::uint16_t>(input.byte() << 8);
                segment.options = some(input);
                segment.options.resize(std::min<std::size_t>(segment.options.size() / 4 * 4, 40));
                const Frame data = some(input);
                segment.data = {reinterpret_cast<const char*>(data.data()), data.size()};
                eth0().deliver(tcp_frame(segment));
                break;
            }
            case 4:
                advance_clock_ns(std::uint64_t{input.byte()} * 50'000'000);
                net::serve_net_devices();
                break;
            case 5:
                use(input.byte());
                break;
            case 6: {  // an error about what the guest has just sent
                const std::uint8_t type = input.byte() % 16, code = input.byte() % 20;
                if (!eth0().sent.empty()) {
                    eth0().deliver(icmp_error_frame(type, code, Frame(eth0().sent.back()), input.byte()));
                }
                break;
            }
            default:
                eth0().is_busy = (input.byte() & 1) != 0;
        }
        if (eth0().sent.size() > 64) {
            eth0().sent.clear();
            eth0().asked.clear();
        }
    }

private:
    static bool has_connections() {
        const net::StackGuard guard;
        return net::connection_count() != 0;
    }

    static std::uint32_t last_sequence() {
        for (auto frame = eth0().sent.rbegin(); frame != eth0().sent.rend(); ++frame) {
            const SentSegment sent = segment_of(*frame);
            if (sent.is_tcp) return sent.segment.sequence;
        }
        return 0;
    }

    void use(std::uint8_t what) {
        SocketPtr& socket = sockets_[what / 8 % sockets_.size()];
        switch (what % 8) {
            case 0:
                if (socket) (void)receive_text(*socket);
                break;
            case 1:
                if (socket) (void)send_text(*socket, std::string(what * 40u, 'x'));
                break;
            case 2:
                if (socket) (void)socket->shut_down((what & 64) != 0, true);
                break;
            case 3:
                socket = {};
                break;
            case 4:
                if (auto accepted = listener_->accept(fs::open_flag::non_block); accepted.ok())
                    socket = accepted.value();
                break;
            case 5:
                (void)send_text(*udp_, std::string(what * 20u, 'y'), address_of(peer_ip, 99));
                break;
            case 6:
                (void)receive_text(*udp_);
                (void)receive_text(*udp6_);
                break;
            default:
                if (socket) (void)socket->poll(0);
        }
    }

    SocketPtr listener_, udp_, udp6_;
    std::array<SocketPtr, 4> sockets_;
    std::uint32_t sequence_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Input input(std::span(data, size));
    World world;
    while (!input.is_over()) world.step(input);
    eth0().is_busy = false;
    return 0;
}
