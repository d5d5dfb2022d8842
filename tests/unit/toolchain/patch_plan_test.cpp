// SPDX-License-Identifier: Apache-2.0
#include "toolchain/image/patch_plan.hpp"

#include <doctest/doctest.h>

#include "tests/unit/toolchain/code.hpp"

using namespace husk::test;
using husk::toolchain::Site;

TEST_CASE("a syscall moves the instruction in front of it") {
    const auto result = plan(join({mov_eax_39, syscall, compare_rax, ret}));
    REQUIRE(result.plans.size() == 1);
    CHECK(result.plans[0].begin() == base);
    CHECK(result.plans[0].end() == base + 7);
    CHECK(result.plans[0].behind.empty());
    CHECK(result.unserved.empty());
}

TEST_CASE("short instructions in front move together") {
    const auto result = plan(join({nop, xor_ecx, xor_eax, syscall, ret}));
    REQUIRE(result.plans.size() == 1);
    CHECK(result.plans[0].front.size() == 2);
    CHECK(result.plans[0].begin() == base + 1);
    CHECK(result.plans[0].behind.empty());
}

TEST_CASE("a window may begin at a jump target") {
    const auto result = plan(join({nop, mov_eax_39, syscall, ret}), {base + 1});
    REQUIRE(result.plans.size() == 1);
    CHECK(result.plans[0].begin() == base + 1);
}

TEST_CASE("a syscall that is a jump target moves what is behind it") {
    const auto result = plan(join({mov_eax_39, syscall, compare_rax, ret}), {base + 5});
    REQUIRE(result.plans.size() == 1);
    CHECK(result.plans[0].front.empty());
    CHECK(result.plans[0].begin() == base + 5);
    CHECK(result.plans[0].end() == base + 13);
}

TEST_CASE("two bytes in front and some behind make a window together") {
    const auto result = plan(join({mov_eax_39, xor_ecx, syscall, compare_rax, ret}), {base + 5});
    REQUIRE(result.plans.size() == 1);
    CHECK(result.plans[0].begin() == base + 5);
    CHECK(result.plans[0].front.size() == 1);
    CHECK(result.plans[0].behind.size() == 1);
}

TEST_CASE("a site between two jump targets stays as it is") {
    const auto result = plan(join({mov_eax_39, syscall, compare_rax, ret}), {base + 5, base + 7});
    CHECK(result.plans.empty());
    REQUIRE(result.unserved.size() == 1);
    CHECK(result.unserved[0] == base + 5);
}

TEST_CASE("a target inside an instruction that would move keeps it in place") {
    const auto result = plan(join({mov_eax_39, syscall, ret}), {base + 2});
    CHECK(result.plans.empty());
    CHECK(result.unserved.size() == 1);
}

TEST_CASE("a direct jump in the code is found as a target") {
    // jmp over the load, right to the syscall
    const Bytes jump_over{0xeb, 5};
    const auto result = plan(join({Bytes{0x74, 5}, mov_eax_39, syscall, compare_rax, ret}));
    REQUIRE(result.plans.size() == 1);
    CHECK(result.plans[0].begin() == base + 7);
    const auto unreached = plan(join({jump_over, mov_eax_39, syscall, compare_rax, ret}));
    REQUIRE(unreached.plans.size() == 1);
    CHECK(unreached.plans[0].begin() == base + 7);
}

TEST_CASE("a call is never moved") {
    const auto result = plan(join({Bytes{0xe8, 0x10, 0, 0, 0}, syscall, ret}));
    CHECK(result.plans.empty());
    CHECK(result.unserved.size() == 1);
}

TEST_CASE("a conditional jump behind a site ends the window") {
    const Bytes test_eax{0x85, 0xc0};
    const Bytes je_back{0x74, 0xf8};
    const auto result = plan(join({nop, cpuid, test_eax, je_back, ret}), {base + 1});
    REQUIRE(result.plans.size() == 1);
    CHECK(result.plans[0].site.site == Site::cpuid);
    CHECK(result.plans[0].behind.size() == 2);
    CHECK(result.plans[0].end() == base + 7);
}

TEST_CASE("ret behind a site may be the last that moves") {
    const auto result = plan(join({xor_eax, syscall, ret, nop, nop}));
    REQUIRE(result.plans.size() == 1);
    CHECK(result.plans[0].end() == base + 5);
    CHECK(plan(join({nop, syscall, ret, nop, nop})).plans.empty());
}

TEST_CASE("windows of neighbouring sites do not overlap") {
    const auto result = plan(join({mov_eax_39, syscall, mov_eax_39, syscall, syscall, compare_rax, ret}));
    REQUIRE(result.plans.size() == 3);
    CHECK(result.plans[0].end() == base + 7);
    CHECK(result.plans[1].begin() == base + 7);
    CHECK(result.plans[1].end() == base + 14);
    CHECK(result.plans[2].begin() == base + 14);  // only behind is free
    CHECK(result.plans[2].end() == base + 22);
}

TEST_CASE("a site squeezed between two sites stays as it is") {
    const auto result = plan(join({mov_eax_39, syscall, syscall, syscall, compare_rax, ret}));
    CHECK(result.plans.size() == 2);
    REQUIRE(result.unserved.size() == 1);
    CHECK(result.unserved[0] == base + 7);
}

TEST_CASE("the return from a signal handler is left alone") {
    const auto result = plan(join({mov_rax_15, syscall, compare_rax, ret}));
    CHECK(result.plans.empty());
    CHECK(result.unserved.size() == 1);
}

TEST_CASE("excluded ranges are neither patched nor counted") {
    const auto result = plan(join({mov_eax_39, syscall, ret}), {}, {{base, base + 16}});
    CHECK(result.plans.empty());
    CHECK(result.unserved.empty());
}

TEST_CASE("bytes that look like a syscall inside an instruction are none") {
    const auto result = plan(join({Bytes{0xb8, 0x0f, 0x05, 0x0f, 0x05}, ret}));
    CHECK(result.plans.empty());
    CHECK(result.unserved.empty());
}

TEST_CASE("data behind a jump is not decoded") {
    const auto result = plan(join({ret, mov_eax_39, syscall, ret}));
    CHECK(result.plans.empty());
    CHECK(result.unserved.empty());
}

TEST_CASE("a jump past a lock prefix does not mislead the decoder") {
    const Bytes je_past_lock{0x74, 1};
    const Bytes lock_cmpxchg{0xf0, 0x0f, 0xb1, 0x0b};
    const auto result = plan(join({je_past_lock, lock_cmpxchg, mov_eax_39, syscall, ret}));
    REQUIRE(result.plans.size() == 1);
    CHECK(result.plans[0].begin() == base + 6);
    // The prefixed instruction itself must not move: control enters inside it.
    const auto near = plan(join({je_past_lock, lock_cmpxchg, syscall, compare_rax, ret}));
    REQUIRE(near.plans.size() == 1);
    CHECK(near.plans[0].front.empty());
}

TEST_CASE("code that ends in the middle of an instruction ends the search") {
    const auto result = plan(join({mov_eax_39, syscall, Bytes{0x48}}));
    CHECK(result.plans.size() == 1);
}
