// SPDX-License-Identifier: Apache-2.0
// Every register that GDB knows of an x86-64 thread: its name, its type, and where its bytes lie.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace husk::debug {

// Where a register's bytes lie. x87 tags are kept in one bit each, and GDB wants two [sdm1 10.5.1].
enum class Place { general, xsave, tags };

struct Register {
    std::string_view name;
    unsigned bytes;
    std::string_view type;
    Place place;
    std::size_t offset;
    unsigned bytes_kept;  // in its place; the rest reads as zero
};

// A group of registers of the target description.
struct Feature {
    std::string_view name;
    std::string_view types;
    std::vector<Register> registers;
};

// In the order of GDB's numbers. AVX is last: it may be left out.
[[nodiscard]] const std::vector<Feature>& features();

// null: there is no such register.
[[nodiscard]] const Register* find_register(std::size_t number);

// Offsets into an XSAVE image in standard format [sdm1 13.4, 13.5.3].
inline constexpr std::size_t mxcsr_offset = 24;
inline constexpr std::size_t x87_stack = 32, x87_stack_end = 160;
inline constexpr std::size_t xmm_begin = 160, xmm_end = 416;
inline constexpr std::size_t ymm_begin = 576, ymm_end = ymm_begin + 256;

}  // namespace husk::debug
