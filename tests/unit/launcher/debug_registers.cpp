// SPDX-License-Identifier: Apache-2.0
#include "launcher/debug/registers.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace husk::debug;

namespace {

constexpr std::size_t xsave_bytes = 832;  // with AVX
constexpr std::size_t rip = 16, fctrl = 32, ftag = 34, xmm0 = 40, mxcsr = 56, fs_base = 58, ymm0h = 60;

std::size_t count_of(std::string_view text, std::string_view word) {
    std::size_t count = 0;
    for (std::size_t at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) ++count;
    return count;
}

ThreadState fresh() {
    ThreadState state{{}, std::vector<std::byte>(xsave_bytes, std::byte{0xaa})};
    std::fill_n(state.xsave.begin() + 512, 64, std::byte{0});  // nothing was in use
    fill_initial_components(state.xsave);
    return state;
}

}  // namespace

TEST_CASE("the description names as many registers as there are, AVX only where the guest has it") {
    CHECK(count_of(target_description(true), "<reg ") == register_count(true));
    CHECK(count_of(target_description(false), "<reg ") == register_count(false));
    CHECK(count_of(target_description(false), "ymm0h") == 0);
    CHECK(register_count(true) == 76);
    CHECK(register_bytes(76) == 0);
}

TEST_CASE("components that were not in use read as their initial state") {
    const ThreadState state = fresh();
    CHECK(*read_register(state, fctrl) == std::vector{std::byte{0x7f}, std::byte{3}, std::byte{0}, std::byte{0}});
    CHECK(*read_register(state, ftag) == std::vector{std::byte{0xff}, std::byte{0xff}, std::byte{0}, std::byte{0}});
    CHECK(*read_register(state, xmm0) == std::vector<std::byte>(16));
    CHECK(*read_register(state, ymm0h) == std::vector<std::byte>(16));
    // MXCSR is saved whatever is in use.
    CHECK(*read_register(state, mxcsr) == std::vector<std::byte>(4, std::byte{0xaa}));
}

TEST_CASE("what is written is read back, and only with the right size") {
    ThreadState state = fresh();
    const std::vector<std::byte> wide(16, std::byte{0x5b}), word(8, std::byte{0x17});
    CHECK(write_register(state, ymm0h, wide));
    CHECK(*read_register(state, ymm0h) == wide);
    CHECK(state.xsave[576] == std::byte{0x5b});
    CHECK(write_register(state, rip, word));
    CHECK(write_register(state, fs_base, word));
    CHECK(state.general.rip == 0x1717171717171717);
    CHECK(state.general.fs_base == 0x1717171717171717);
    CHECK(!write_register(state, rip, wide));
    CHECK(!write_register(state, 76, wide));
    const std::vector<std::byte> tags{std::byte{0xfc}, std::byte{0xff}, std::byte{0}, std::byte{0}};
    CHECK(write_register(state, ftag, tags));
    CHECK(*read_register(state, ftag) == tags);
}

TEST_CASE("without an XSAVE image vector registers are unknown, and their size is not") {
    const ThreadState state;
    CHECK(!read_register(state, xmm0));
    CHECK(register_bytes(xmm0) == 16);
    CHECK(read_register(state, rip));
}
