// SPDX-License-Identifier: Apache-2.0
// libslirp on one end of a packet socket: Ethernet frames on this side, the host's sockets on the other.
//
//   SlirpNetwork network(socket, mtu);
//   if (!network.publish(port)) ...
//   network.run();                         // until the other end is gone
//   network.finish();
#pragma once

#include <netinet/in.h>
#include <poll.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

struct Slirp;

namespace husk::user_net {

struct Port {
    bool is_udp = false;
    in_addr bind_address{};
    std::uint16_t host_port = 0;
    in_addr guest_address{};  // 0: the one that DHCP gives
    std::uint16_t guest_port = 0;
};

// 10.0.2.0/24 and fec0::/64, as QEMU's user network has them: .2 is the router and the host, .3 the name server, .15
// the guest's address by DHCP.
class SlirpNetwork final {
public:
    SlirpNetwork(int socket, std::size_t mtu);
    ~SlirpNetwork();
    SlirpNetwork(const SlirpNetwork&) = delete;
    SlirpNetwork& operator=(const SlirpNetwork&) = delete;

    // false: errno says why not.
    [[nodiscard]] bool publish(const Port& port);

    void run();

    // No new connection comes any more; what the guest has sent goes on to whoever has not taken it yet, for as long
    // as a guest waits for its peers when it ends.
    void finish();

private:
    struct Callbacks;

    struct Timer {
        int id;
        void* argument;
        std::int64_t deadline_ms = INT64_MAX;
    };

    // What libslirp waits for, into polled_; returns for how long.
    [[nodiscard]] std::uint32_t ask_for_events();
    // Waits for it, and serves what has come. false: the other end is gone.
    bool serve(std::uint32_t wanted_ms);
    void send(const void* frame, std::size_t size_bytes) const;
    // false: the other end is gone.
    [[nodiscard]] bool receive();
    void expire_timers();
    [[nodiscard]] int poll_timeout_ms(std::uint32_t wanted_ms) const;

    int socket_;
    Slirp* slirp_ = nullptr;
    std::vector<Port> published_;
    std::vector<pollfd> polled_;  // the first is socket_
    std::vector<std::unique_ptr<Timer>> timers_;
    std::vector<std::uint8_t> frame_;
};

}  // namespace husk::user_net
