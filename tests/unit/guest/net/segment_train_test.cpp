// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/net/segment_train.hpp"

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <lwip/pbuf.h>

#include "tests/support/net_fakes/packets.hpp"

using namespace husk;
using namespace husk::net;
using namespace husk::test;

namespace {

struct Release {
    void operator()(pbuf* packet) const { pbuf_free(packet); }
};
using Packet = std::unique_ptr<pbuf, Release>;

// As lwIP makes a segment: headers with room in front, and behind them the data where the application has left it.
Packet packet_of(const Segment& segment, std::string_view data) {
    Segment whole = segment;
    whole.data = data;
    Frame frame = tcp_frame(whole);
    std::size_t headers = frame.size() - data.size();
    pbuf* head = pbuf_alloc(PBUF_LINK, static_cast<u16_t>(headers), PBUF_RAM);
    std::memcpy(head->payload, frame.data(), headers);
    pbuf* rest = pbuf_alloc(PBUF_RAW, static_cast<u16_t>(data.size()), PBUF_ROM);
    rest->payload = const_cast<char*>(data.data());
    pbuf_cat(head, rest);
    return Packet(head);
}

Frame flattened(const OutgoingFrame& frame) {
    Frame bytes;
    for (const FramePiece& piece : frame.pieces) {
        const auto* data = reinterpret_cast<const std::uint8_t*>(piece.data);
        bytes.insert(bytes.end(), data, data + piece.size_bytes);
    }
    bytes.erase(bytes.begin(), bytes.begin() + device_header_bytes);
    return bytes;
}

}  // namespace

TEST_CASE("segments of one write become one frame in two pieces, with lengths and sums for all") {
    std::string data(10 * 1460 - 300, 'x');
    for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<char>(i * 7);
    SegmentTrain train;
    std::vector<Packet> packets;
    for (std::size_t at = 0; at < data.size(); at += 1460) {
        bool is_last = at + 1460 >= data.size();
        packets.push_back(packet_of({80, 4000, static_cast<std::uint32_t>(0xffffff00 + at), 77,
                                     static_cast<std::uint8_t>(is_last ? ack | psh : ack)},
                                    std::string_view(data).substr(at, 1460)));
        REQUIRE(train.add(*packets.back(), true, false));
    }
    CHECK(train.frames().size() == 10);
    OutgoingFrame whole = train.finish();
    CHECK(whole.pieces.size() == 2);
    CHECK(whole.segment_bytes == 1460);
    CHECK(whole.header_bytes == 54);
    CHECK(whole.checksum_start == 34);
    CHECK(whole.checksum_offset == 16);
    Frame bytes = flattened(whole);
    SentSegment sent = segment_of(bytes);
    REQUIRE(sent.is_tcp);
    CHECK(sent.segment.data == data);
    CHECK(sent.segment.sequence == 0xffffff00);
    CHECK(sent.segment.flags == (ack | psh));
    CHECK(checksum_of(sum_of(std::span(bytes).subspan(14, 20))) == 0);
    // The device adds up from checksum_start on, the field included, and so completes what the driver has left there.
    std::uint16_t completed = checksum_of(sum_of(std::span(bytes).subspan(34)));
    Segment same = sent.segment;
    Frame expected = tcp_frame(same);
    CHECK(completed == (unsigned{expected[50]} << 8 | expected[51]));
    // A short segment is the last.
    Packet next = packet_of({80, 4000, static_cast<std::uint32_t>(0xffffff00 + data.size()), 77, ack}, "more");
    CHECK_FALSE(train.add(*next, true, false));
    train.clear();
    CHECK(train.add(*next, true, false));
}

TEST_CASE("what is not the next plain segment of the same connection does not join") {
    std::string data(1000, 'x');
    Segment first{80, 4000, 1000, 77, ack};
    auto joins = [&](const Segment& second, std::string_view bytes) {
        SegmentTrain train;
        Packet one = packet_of(first, data), two = packet_of(second, bytes);
        REQUIRE(train.add(*one, true, true));
        return train.add(*two, true, true);
    };
    CHECK(joins({80, 4000, 2000, 77, ack}, data));
    CHECK(joins({80, 4000, 2000, 77, ack}, "end"));
    CHECK_FALSE(joins({80, 4000, 2001, 77, ack}, data));
    CHECK_FALSE(joins({80, 4001, 2000, 77, ack}, data));
    CHECK_FALSE(joins({80, 4000, 2000, 78, ack}, data));
    CHECK_FALSE(joins({80, 4000, 2000, 77, ack, 100}, data));
    CHECK_FALSE(joins({80, 4000, 2000, 77, ack | fin}, data));
    CHECK_FALSE(joins({80, 4000, 2000, 77, ack}, std::string(1001, 'y')));
    SegmentTrain train;
    Packet plain = packet_of(first, data);
    CHECK_FALSE(train.add(*plain, false, true));
    Packet opening = packet_of({80, 4000, 1, 0, syn}, "x");
    CHECK_FALSE(train.add(*opening, true, true));
}

TEST_CASE("a train is no longer than an IP packet may be") {
    std::string data(1460, 'x');
    SegmentTrain train;
    std::vector<Packet> packets;
    for (std::uint32_t i = 0;; ++i) {
        packets.push_back(packet_of({80, 4000, 1000 + i * 1460, 77, ack}, data));
        if (!train.add(*packets.back(), true, true)) break;
    }
    CHECK(train.size_bytes() <= 65535);
    CHECK(train.size_bytes() > 60000);
}
