// SPDX-License-Identifier: Apache-2.0
#include "toolchain/image/call_number.hpp"

#include <doctest/doctest.h>

#include "tests/unit/toolchain/code.hpp"

using namespace husk::test;

namespace {

const Bytes call_next{0xe8, 0, 0, 0, 0};
const Bytes mov_ax_7{0x66, 0xb8, 7, 0};
const Bytes load_eax{0x8b, 0x07};  // mov (%rdi), %eax

// Of the syscall behind `front`; control may also enter at `entered`.
std::optional<std::uint32_t> number_behind(const Bytes& front, std::vector<std::uint64_t> entered = {}) {
    const Bytes code = join({front, syscall, ret});
    const husk::toolchain::CodeBytes section{base, code};
    const std::uint64_t entry = base;
    const auto map = husk::toolchain::explore({&section, 1}, {&entry, 1});
    return husk::toolchain::find_call_number(map.instructions, {&section, 1},
                                             husk::toolchain::AddressSet(std::move(entered)), base + front.size());
}

}  // namespace

TEST_CASE("a constant in rax is the number of the call") {
    CHECK(number_behind(mov_eax_39) == 39);
    CHECK(number_behind(mov_rax_15) == 15);
    CHECK(number_behind(xor_eax) == 0);
    CHECK(number_behind(join({mov_eax_39, xor_ecx, compare_rax, nop})) == 39);
    CHECK(number_behind(join({xor_eax, mov_eax_39})) == 39);
}

TEST_CASE("a number that may be another one is not known") {
    CHECK_FALSE(number_behind(nop));
    CHECK_FALSE(number_behind(join({mov_eax_39, load_eax})));
    CHECK_FALSE(number_behind(join({mov_eax_39, mov_ax_7})));
    CHECK_FALSE(number_behind(join({mov_eax_39, call_next})));
    CHECK_FALSE(number_behind(join({mov_eax_39, nop}), {base + 5}));
    CHECK_FALSE(number_behind(mov_eax_39, {base + 5}));
}

TEST_CASE("control may enter at the constant itself") { CHECK(number_behind(mov_eax_39, {base}) == 39); }
