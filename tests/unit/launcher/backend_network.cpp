// SPDX-License-Identifier: Apache-2.0
#include "launcher/backend/net_backend.hpp"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "launcher/backend/packet_socket.hpp"
#include "launcher/backend/pcap_file.hpp"
#include "launcher/backend/recorded_backend.hpp"
#include "launcher/backend/stream_socket.hpp"
#include "launcher/backend/troubled_backend.hpp"
#include "memory_network.hpp"
#include "temporary_file.hpp"

using namespace husk;
using backend::FrameStatus;
using backend::net_header_bytes;
using test::MemoryNetwork;

namespace {

// No file of this process grows beyond it, for a scope.
class SizeLimit {
public:
    explicit SizeLimit(rlim_t bytes) {
        REQUIRE(::getrlimit(RLIMIT_FSIZE, &old_) == 0);
        const rlimit limit{bytes, old_.rlim_max};
        REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
    }
    ~SizeLimit() {
        ::setrlimit(RLIMIT_FSIZE, &old_);
        std::signal(SIGXFSZ, old_handler_);
    }
    SizeLimit(const SizeLimit&) = delete;
    SizeLimit& operator=(const SizeLimit&) = delete;

private:
    void (*old_handler_)(int) = std::signal(SIGXFSZ, SIG_IGN);
    rlimit old_{};
};

struct Pair {
    explicit Pair(int type) {
        std::array<int, 2> ends{};
        REQUIRE(::socketpair(AF_UNIX, type, 0, ends.data()) == 0);
        ours = host::FileDescriptor(ends[0]);
        theirs = host::FileDescriptor(ends[1]);
    }
    void put(std::string_view bytes) const {
        REQUIRE(::send(theirs.get(), bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
    }
    [[nodiscard]] std::string take() const {
        std::string bytes(100'000, '\0');
        const ssize_t size = ::recv(theirs.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
        bytes.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
        return bytes;
    }
    host::FileDescriptor ours, theirs;
};

FrameStatus send(backend::NetBackend& network, const std::string& frame) {
    std::string bytes = std::string(net_header_bytes, '\0') + frame;
    const std::array pieces{iovec{bytes.data(), 3}, iovec{bytes.data() + 3, bytes.size() - 3}};
    return network.send(0, pieces);
}

// The frame, or how receiving ended.
std::string receive(backend::NetBackend& network) {
    std::string bytes(70'000, 'r');
    const std::array pieces{iovec{bytes.data(), 20}, iovec{bytes.data() + 20, bytes.size() - 20}};
    const backend::ReceivedFrame frame = network.receive(0, pieces);
    if (frame.status == FrameStatus::again) return "again";
    if (frame.status == FrameStatus::gone) return "gone";
    return bytes.substr(net_header_bytes, frame.size_bytes - net_header_bytes);
}

std::string framed(const std::string& frame) {
    const auto size = static_cast<std::uint32_t>(frame.size());
    return {static_cast<char>(size >> 24), static_cast<char>(size >> 16), static_cast<char>(size >> 8),
            static_cast<char>(size)};
}

const std::string frame_a(60, 'a'), frame_b(1514, 'b');

}  // namespace

TEST_CASE("a packet socket carries frames without their header, and tells its end") {
    Pair pair(SOCK_SEQPACKET);
    backend::PacketSocket network(std::move(pair.ours), 1500);
    CHECK(send(network, frame_a) == FrameStatus::done);
    CHECK(pair.take() == frame_a);
    pair.put(frame_b);
    CHECK(receive(network) == frame_b);
    CHECK(receive(network) == "again");
    pair.theirs.close();
    CHECK(receive(network) == "gone");
    CHECK(send(network, frame_a) == FrameStatus::gone);
}

TEST_CASE("a stream carries each frame behind its length, wherever the stream is cut") {
    Pair pair(SOCK_STREAM);
    backend::StreamSocket network(std::move(pair.ours), 1500);
    CHECK(send(network, frame_a) == FrameStatus::done);
    CHECK(pair.take() == framed(frame_a) + frame_a);
    const std::string stream = framed(frame_b) + frame_b + framed("short") + "short" + framed(frame_a) + frame_a;
    pair.put(stream.substr(0, 2));
    CHECK(receive(network) == "again");
    pair.put(stream.substr(2, 700));
    CHECK(receive(network) == "again");
    pair.put(stream.substr(702));
    CHECK(receive(network) == frame_b);
    CHECK(receive(network) == frame_a);
    CHECK(receive(network) == "again");
    pair.theirs.close();
    CHECK(receive(network) == "gone");
}

TEST_CASE("a length that no frame has ends a stream") {
    Pair pair(SOCK_STREAM);
    backend::StreamSocket network(std::move(pair.ours), 1500);
    pair.put("\xff\xff\xff\xff");
    CHECK(receive(network) == "gone");
}

TEST_CASE("a frame that a stream takes in part is completed before the next") {
    Pair pair(SOCK_STREAM);
    backend::StreamSocket network(std::move(pair.ours), 1500);
    const std::string frame(60'000, 'f');
    std::string expected, seen;
    int sent = 0;
    while (send(network, frame) == FrameStatus::done) ++sent;
    CHECK(sent > 1);
    for (int i = 0; i < sent; ++i) expected += framed(frame) + frame;
    CHECK(network.deadline_ns() != UINT64_MAX);  // it is looked at again though nothing comes
    for (std::string part = pair.take(); !part.empty(); part = pair.take()) {
        seen += part;
        CHECK(receive(network) == "again");  // pushes the rest
    }
    CHECK(seen == expected);
    CHECK(network.deadline_ns() == UINT64_MAX);
}

TEST_CASE("a capture holds every frame that passed, in pcap's format") {
    const test::TemporaryFile file;
    MemoryNetwork::Wire wire;
    {
        backend::RecordedBackend network(std::make_unique<MemoryNetwork>(wire),
                                         backend::PcapFile::create(file.path(), {}));
        CHECK(send(network, frame_a) == FrameStatus::done);
        wire.put(frame_b);
        CHECK(receive(network) == frame_b);
        CHECK(receive(network) == "again");
    }
    std::ifstream stream(file.path(), std::ios::binary);
    const std::string bytes{std::istreambuf_iterator(stream), {}};
    REQUIRE(bytes.size() == 24 + 16 + frame_a.size() + 16 + frame_b.size());
    CHECK(bytes.substr(0, 4) == "\x4d\x3c\xb2\xa1");
    CHECK(bytes.substr(24 + 16, frame_a.size()) == frame_a);
    CHECK(bytes.substr(24 + 16 + frame_a.size() + 16) == frame_b);
    std::uint32_t size = 0;
    std::memcpy(&size, bytes.data() + 24 + 8, sizeof size);
    CHECK(size == frame_a.size());
}

TEST_CASE("a capture that cannot grow says so once, and the frames go on") {
    const test::TemporaryFile file;
    MemoryNetwork::Wire wire;
    std::vector<std::string> said;
    backend::RecordedBackend network(
        std::make_unique<MemoryNetwork>(wire),
        backend::PcapFile::create(file.path(), [&](std::string_view sentence) { said.emplace_back(sentence); }));
    CHECK(send(network, frame_a) == FrameStatus::done);
    CHECK(said.empty());
    {
        const SizeLimit limit(24 + 16 + frame_a.size());
        for (int i = 0; i < 3; ++i) CHECK(send(network, frame_b) == FrameStatus::done);
    }
    CHECK(send(network, frame_b) == FrameStatus::done);
    CHECK(said == std::vector<std::string>{file.path() + " records no more frames: File too large"});
    CHECK(wire.taken().size() == 5);
    CHECK(std::filesystem::file_size(file.path()) == 24 + 16 + frame_a.size());
}

TEST_CASE("a bad line loses, doubles and delays frames as it is told") {
    MemoryNetwork::Wire wire;
    const auto line = [&](const config::NetTrouble& trouble) {
        return backend::TroubledBackend(std::make_unique<MemoryNetwork>(wire), trouble, 7);
    };
    SUBCASE("all are lost") {
        backend::TroubledBackend network = line({.loss = 100});
        wire.put(frame_a);
        CHECK(receive(network) == "again");
        CHECK(send(network, frame_a) == FrameStatus::done);
        CHECK(wire.taken().empty());
    }
    SUBCASE("all are doubled") {
        backend::TroubledBackend network = line({.duplicate = 100});
        wire.put(frame_a);
        CHECK(receive(network) == frame_a);
        CHECK(receive(network) == frame_a);
        CHECK(receive(network) == "again");
    }
    SUBCASE("some are overtaken, none is lost") {
        backend::TroubledBackend network = line({.reorder = 30});
        std::vector<std::string> sent, received;
        for (char fill = 'a'; fill <= 'z'; ++fill) {
            sent.emplace_back(60, fill);
            wire.put(sent.back());
        }
        while (received.size() < sent.size()) {
            std::string frame = receive(network);
            if (frame != "again") received.push_back(std::move(frame));
        }
        CHECK(received != sent);
        std::ranges::sort(received);
        CHECK(received == sent);
    }
    SUBCASE("a delayed one comes later, and it is known when") {
        backend::TroubledBackend network = line({.delay = std::chrono::milliseconds(30)});
        wire.put(frame_a);
        CHECK(receive(network) == "again");
        CHECK(network.deadline_ns() != UINT64_MAX);
        std::string frame = "again";
        while (frame == "again") frame = receive(network);
        CHECK(frame == frame_a);
    }
}
