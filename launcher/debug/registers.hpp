// SPDX-License-Identifier: Apache-2.0
// The registers of a thread as GDB's x86-64 target description numbers them [gdb appendix G.5.5].
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <husk/abi/crash_record.hpp>

namespace husk::debug {

// One thread's: general registers, and an XSAVE image in standard format, which may be empty: then vector registers are
// not known.
struct ThreadState {
    abi::CrashRegisters general{};
    std::vector<std::byte> xsave;
};

// AVX among the state components of XCR0 and XSTATE_BV [sdm1 13.1].
inline constexpr std::uint64_t avx_component = 1u << 2;

// The XSAVE image with the components that XSTATE_BV leaves out written as what they are then, their initial state
// [sdm1 13.6]. To be done before the functions below look at it.
void fill_initial_components(std::vector<std::byte>& xsave);

// The whole target description. with_avx: the guest's XCR0 has AVX.
[[nodiscard]] std::string target_description(bool with_avx);

[[nodiscard]] std::size_t register_count(bool with_avx);

// The bytes of register `number`, little-endian; nothing when there is no such register or its value is not known.
[[nodiscard]] std::optional<std::vector<std::byte>> read_register(const ThreadState& state, std::size_t number);

// Its size, also when the value is not known; 0: there is no such register.
[[nodiscard]] std::size_t register_bytes(std::size_t number);

// false: no such register, not of this size, or read-only.
[[nodiscard]] bool write_register(ThreadState& state, std::size_t number, std::span<const std::byte> bytes);

}  // namespace husk::debug
