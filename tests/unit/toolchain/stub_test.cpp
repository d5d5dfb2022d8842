// SPDX-License-Identifier: Apache-2.0
#include "toolchain/image/stub.hpp"

#include <doctest/doctest.h>

#include <cstring>

#include "tests/unit/toolchain/code.hpp"

using namespace husk::test;
using namespace husk::toolchain;

namespace {

constexpr std::uint64_t room = 0x500000;
constexpr StubTargets targets{0x600000, 0x600100};

std::optional<Bytes> stub_for(const Bytes& code, std::vector<std::uint64_t> jump_targets = {},
                              std::uint64_t address = room) {
    const auto plans = plan(code, std::move(jump_targets));
    REQUIRE(plans.plans.size() == 1);
    const PatchPlan& p = plans.plans[0];
    return try_emit_stub(p, std::span(code).subspan(p.begin() - base, p.end() - p.begin()), address, targets);
}

// Where the rel32 that ends at `end` bytes into a stub at `room` leads.
std::uint64_t branch_target(const Bytes& stub, std::size_t end) {
    std::int32_t displacement = 0;
    std::memcpy(&displacement, &stub[end - 4], 4);
    return room + end + static_cast<std::uint64_t>(std::int64_t{displacement});
}

}  // namespace

TEST_CASE("a syscall stub loads the original return address and jumps to the runtime") {
    const auto stub = stub_for(join({mov_eax_39, syscall, ret}));
    REQUIRE(stub);
    CHECK(Bytes(stub->begin(), stub->begin() + 10) == join({mov_eax_39, Bytes{0xb9, 0x07, 0x10, 0x40, 0x00}}));
    CHECK((*stub)[10] == 0xe9);
    CHECK(branch_target(*stub, 15) == targets.syscall_entry);
    CHECK(stub->size() == 15);
}

TEST_CASE("with instructions behind, the call returns into the stub, which goes back by itself") {
    const auto stub = stub_for(join({mov_eax_39, syscall, compare_rax, ret}), {base + 5});
    REQUIRE(stub);
    CHECK(Bytes(stub->begin(), stub->begin() + 5) == Bytes{0xb9, 0x0a, 0x00, 0x50, 0x00});  // room + 10
    CHECK(branch_target(*stub, 10) == targets.syscall_entry);
    CHECK(Bytes(stub->begin() + 10, stub->begin() + 16) == compare_rax);
    CHECK((*stub)[16] == 0xe9);
    CHECK(branch_target(*stub, 21) == base + 13);
    CHECK(stub->size() == 21);
}

TEST_CASE("a cpuid stub calls the runtime below the red zone") {
    const auto stub = stub_for(join({mov_eax_39, cpuid, ret}));
    REQUIRE(stub);
    CHECK(Bytes(stub->begin(), stub->begin() + 11) ==
          join({mov_eax_39, Bytes{0x48, 0x8d, 0x64, 0x24, 0x80}, Bytes{0xe8}}));
    CHECK(branch_target(*stub, 15) == targets.cpuid_entry);
    CHECK(Bytes(stub->begin() + 15, stub->begin() + 24) == Bytes{0x48, 0x8d, 0xa4, 0x24, 0x80, 0, 0, 0, 0xe9});
    CHECK(branch_target(*stub, 28) == base + 7);
}

TEST_CASE("a rip-relative operand still means the same address") {
    const Bytes load{0x48, 0x8b, 0x3d, 0x00, 0x01, 0x00, 0x00};  // mov 0x100(%rip), %rdi
    const auto stub = stub_for(join({load, syscall, ret}));
    REQUIRE(stub);
    CHECK(branch_target(*stub, 7) == base + 7 + 0x100);
}

TEST_CASE("an immediate behind a rip-relative displacement is kept") {
    const Bytes store{0xc7, 0x05, 0x00, 0x01, 0x00, 0x00, 1, 2, 3, 4};  // movl $0x04030201, 0x100(%rip)
    const auto stub = stub_for(join({store, syscall, ret}));
    REQUIRE(stub);
    CHECK(branch_target(*stub, 6) + 4 == base + 10 + 0x100);
    CHECK(Bytes(stub->begin() + 6, stub->begin() + 10) == Bytes{1, 2, 3, 4});
}

TEST_CASE("a short conditional jump becomes a long one to the same place") {
    const auto stub = stub_for(join({nop, cpuid, Bytes{0x85, 0xc0}, Bytes{0x74, 0xf8}, ret}), {base + 1});
    REQUIRE(stub);
    const std::size_t at = 5 + 5 + 8 + 2;
    CHECK((*stub)[at] == 0x0f);
    CHECK((*stub)[at + 1] == 0x84);
    CHECK(branch_target(*stub, at + 6) == base + 7 - 8);
    CHECK(branch_target(*stub, at + 11) == base + 7);
}

TEST_CASE("a room out of reach of jmp rel32 gives no stub") {
    const Bytes code = join({mov_eax_39, syscall, ret});
    CHECK_FALSE(stub_for(code, {}, base + 0x8000'0005));
    CHECK(jump_reaches(base, base + 5 + 0x7fff'ffff));
    CHECK_FALSE(jump_reaches(base, base + 5 + 0x8000'0000));
    CHECK(jump_reaches(0x9000'0000, 0x9000'0005 - 0x8000'0000));
    CHECK_FALSE(jump_reaches(0x9000'0000, 0x9000'0004 - 0x8000'0000));
}

TEST_CASE("a rip-relative operand out of reach gives no stub") {
    const Bytes load{0x48, 0x8b, 0x3d, 0x00, 0x00, 0x00, 0x80};  // mov -2 GiB(%rip), %rdi
    CHECK_FALSE(stub_for(join({load, syscall, ret})));
}
