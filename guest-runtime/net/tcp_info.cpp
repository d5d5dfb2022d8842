// SPDX-License-Identifier: Apache-2.0
// TCP_INFO
#include <algorithm>

#include "guest-runtime/net/option_value.hpp"
#include "guest-runtime/net/tcp_socket.hpp"

namespace husk::net {

namespace {

// The first fields of struct tcp_info.
struct TcpInfo {
    std::uint8_t state, ca_state, retransmits, probes, backoff, options, scales, flags;
    std::uint32_t rto, ato, send_mss, receive_mss;
    std::uint32_t unacked, sacked, lost, retrans, fackets;
    std::uint32_t last_data_sent, last_ack_sent, last_data_received, last_ack_received;
    std::uint32_t pmtu, receive_threshold, rtt, rtt_variance, send_threshold, congestion_window, advertised_mss;
    std::uint32_t reordering, receive_rtt, receive_space, total_retrans;
};
static_assert(sizeof(TcpInfo) == 104);

}  // namespace

std::size_t TcpSocket::put_info(std::span<std::byte> to) {
    TcpEndpoint::Info now = endpoint_->info();
    TcpInfo info{};
    info.state = now.state;
    info.retransmits = static_cast<std::uint8_t>(std::min<std::uint32_t>(now.retransmits, 255));
    info.send_mss = info.receive_mss = info.advertised_mss = now.mss;
    info.rtt = now.rtt_us;
    info.congestion_window = now.congestion_window_segments;
    info.send_threshold = now.slow_start_threshold_segments;
    info.receive_space = now.receive_window_bytes;
    info.pmtu = now.mss + 40;
    info.options = now.options;
    info.scales = static_cast<std::uint8_t>(now.send_scale | now.receive_scale << 4);
    info.rto = now.retransmit_timeout_us;
    info.ato = 40'000;
    info.unacked = now.unacknowledged_segments;
    info.rtt_variance = now.rtt_us / 2;
    info.reordering = 3;
    return put_option(to, info);
}

}  // namespace husk::net
