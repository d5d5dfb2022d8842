// SPDX-License-Identifier: Apache-2.0
#include "launcher/debug/packet.hpp"

#include <doctest/doctest.h>

using namespace husk::debug;
using Kind = Received::Kind;

TEST_CASE("a payload is framed with its checksum, and what may not stand in a frame is escaped") {
    CHECK(make_packet("OK") == "$OK#9a");
    CHECK(make_packet("") == "$#00");
    CHECK(make_packet("a#b") ==
          "$a}\x03"
          "b#43");
}

TEST_CASE("frames come out whole and in order, however the bytes came in") {
    PacketReader reader;
    reader.add("+$m4");
    CHECK(reader.try_next()->kind == Kind::acknowledgement);
    CHECK(!reader.try_next());
    reader.add(",2#ff\x03$g#67");
    const auto first = reader.try_next();
    REQUIRE(first);
    CHECK(first->kind == Kind::packet);
    CHECK(first->payload == "m4,2");
    CHECK(reader.try_next()->kind == Kind::interrupt);
    CHECK(reader.try_next()->payload == "g");
    CHECK(!reader.try_next());
}

TEST_CASE("a wrong checksum and an endless frame are damaged, and the reader goes on behind them") {
    PacketReader reader;
    reader.add("$g#00$g#67");
    CHECK(reader.try_next()->kind == Kind::damaged);
    CHECK(reader.try_next()->payload == "g");
    reader.add("$" + std::string(packet_bytes_max + 1, 'a'));
    CHECK(reader.try_next()->kind == Kind::damaged);
    reader.add("$g#67");
    CHECK(reader.try_next()->payload == "g");
}

TEST_CASE("hex fields are whole or nothing") {
    CHECK(parse_hex("1f") == 0x1f);
    CHECK(!parse_hex(""));
    CHECK(!parse_hex("1g"));
    CHECK(!parse_hex("10000000000000000"));
    CHECK(hex_number(0) == "0");
    CHECK(from_hex("00ff")->size() == 2);
    CHECK(!from_hex("0"));
    CHECK(!from_hex("0x"));
    std::string_view text = "a,b";
    CHECK(take_field(text, ',') == "a");
    CHECK(take_field(text, ',') == "b");
    CHECK(text.empty());
}
