// SPDX-License-Identifier: Apache-2.0
#include "toolchain/image/landing_pads.hpp"

#include <doctest/doctest.h>

#include "tests/unit/toolchain/code.hpp"

using namespace husk::test;
using namespace husk::toolchain;

namespace {

constexpr std::uint64_t frames_address = 0x600000;
constexpr std::uint64_t areas_address = 0x700000;

Bytes word(std::uint64_t value) {
    Bytes bytes;
    for (int shift = 0; shift < 32; shift += 8) bytes.push_back(static_cast<std::uint8_t>(value >> shift));
    return bytes;
}

// One CIE "zPLR" as g++ writes it, and one FDE for [function, function + size) with a language area.
Bytes frames(std::uint64_t function, std::uint64_t size, std::uint64_t area) {
    const Bytes cie =
        join({word(0), Bytes{1, 'z', 'P', 'L', 'R', 0, 1, 0x78, 16, 7, 0x9b}, word(0x10), Bytes{0x1b, 0x1b}});
    const std::uint64_t fde_at = frames_address + 4 + cie.size();
    const Bytes fde = join({word(fde_at + 4 - frames_address), word(function - (fde_at + 8)), word(size), Bytes{4},
                            word(area - (fde_at + 17))});
    return join({word(cie.size()), cie, word(fde.size()), fde, word(0)});
}

const Bytes area{0xff, 0xff, 0x01, 9, 0, 4, 0x90, 0x01, 0, 8, 4, 0, 0};  // call sites in uleb128

}  // namespace

TEST_CASE("landing pads are found through the call-site table") {
    const Bytes eh_frame = frames(0x401000, 0x100, areas_address);
    Bytes table = area;
    table[3] = 9;
    const auto pads = read_landing_pads({frames_address, eh_frame}, {areas_address, table});
    CHECK(pads.unreadable.empty());
    REQUIRE(pads.addresses.size() == 1);
    CHECK(pads.addresses[0] == 0x401000 + 0x90);
}

TEST_CASE("a function whose table is damaged counts as unreadable") {
    const Bytes eh_frame = frames(0x401000, 0x100, areas_address);
    const Bytes cut(area.begin(), area.begin() + 6);
    const auto pads = read_landing_pads({frames_address, eh_frame}, {areas_address, cut});
    REQUIRE(pads.unreadable.size() == 1);
    CHECK(pads.unreadable[0].begin == 0x401000);
    CHECK(pads.unreadable[0].end == 0x401100);
    CHECK(read_landing_pads({frames_address, eh_frame}, {}).unreadable.size() == 1);
}

TEST_CASE("damaged frame records are survived") {
    const Bytes whole = frames(0x401000, 0x100, areas_address);
    for (std::size_t size = 0; size < whole.size(); ++size) {
        const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
        (void)read_landing_pads({frames_address, cut}, {areas_address, area});
    }
    CHECK(read_landing_pads({}, {}).addresses.empty());
}
