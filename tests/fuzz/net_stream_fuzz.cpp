// SPDX-License-Identifier: Apache-2.0
// What the other end of a stream network may send: lengths and frames, cut anywhere.
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "launcher/backend/stream_socket.hpp"

using namespace husk;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) != 0) std::abort();
    backend::StreamSocket network(host::FileDescriptor(ends[0]), 1500);
    const host::FileDescriptor theirs(ends[1]);
    std::array<std::byte, 2000> bytes{};
    const std::array room{iovec{bytes.data(), 7}, iovec{bytes.data() + 7, bytes.size() - 7}};
    constexpr std::size_t part_bytes = 100;
    while (size != 0) {
        const std::size_t count = std::min(size, part_bytes);
        if (::send(theirs.get(), data, count, MSG_NOSIGNAL) != static_cast<ssize_t>(count)) std::abort();
        data += count;
        size -= count;
        for (;;) {
            const backend::ReceivedFrame frame = network.receive(0, room);
            if (frame.status == backend::FrameStatus::gone) return 0;
            if (frame.status != backend::FrameStatus::done) break;
            if (frame.size_bytes < backend::net_header_bytes || frame.size_bytes > bytes.size()) std::abort();
        }
    }
    return 0;
}
