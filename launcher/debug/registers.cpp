// SPDX-License-Identifier: Apache-2.0
#include "launcher/debug/registers.hpp"

#include <algorithm>
#include <cstring>

#include "launcher/debug/register_table.hpp"

namespace husk::debug {

namespace {

constexpr std::size_t components_offset = 512;  // XSTATE_BV
constexpr std::size_t xsave_header_end = 576;
constexpr std::uint64_t x87_component = 1, sse_component = 2;

std::span<const std::byte> place_of(const Register& reg, const ThreadState& state) {
    const auto whole = reg.place == Place::general ? std::as_bytes(std::span(&state.general, 1))
                                                   : std::span<const std::byte>(state.xsave);
    if (reg.offset + reg.bytes_kept > whole.size()) return {};
    return whole.subspan(reg.offset, reg.bytes_kept);
}

std::span<std::byte> place_of(const Register& reg, ThreadState& state) {
    const auto whole = reg.place == Place::general ? std::as_writable_bytes(std::span(&state.general, 1))
                                                   : std::span<std::byte>(state.xsave);
    if (reg.offset + reg.bytes_kept > whole.size()) return {};
    return whole.subspan(reg.offset, reg.bytes_kept);
}

constexpr unsigned x87_slots = 8;
constexpr unsigned tag_empty = 3;

// 3 is an empty slot; the finer kinds of full ones GDB works out itself from the value.
std::uint16_t wide_tags(std::uint8_t kept) {
    unsigned tags = 0;
    for (unsigned i = 0; i < x87_slots; ++i) tags |= (kept >> i & 1u) != 0 ? 0 : tag_empty << (2 * i);
    return static_cast<std::uint16_t>(tags);
}

std::uint8_t narrow_tags(unsigned tags) {
    unsigned kept = 0;
    for (unsigned i = 0; i < x87_slots; ++i) kept |= (tags >> (2 * i) & tag_empty) == tag_empty ? 0 : 1u << i;
    return static_cast<std::uint8_t>(kept);
}

}  // namespace

void fill_initial_components(std::vector<std::byte>& xsave) {
    if (xsave.size() < xsave_header_end) return;
    std::uint64_t components = 0;
    std::memcpy(&components, &xsave[components_offset], sizeof components);
    const auto clear = [&](std::size_t begin, std::size_t end) {
        const auto part = std::span(xsave).first(std::min(end, xsave.size()));
        if (begin < part.size()) std::ranges::fill(part.subspan(begin), std::byte{0});
    };
    if ((components & x87_component) == 0) {
        clear(0, mxcsr_offset);
        clear(x87_stack, x87_stack_end);
        constexpr std::uint16_t initial_control = 0x37f;
        std::memcpy(xsave.data(), &initial_control, sizeof initial_control);
    }
    if ((components & sse_component) == 0) clear(xmm_begin, xmm_end);
    components |= x87_component | sse_component;
    if (xsave.size() >= ymm_end) {
        if ((components & avx_component) == 0) clear(ymm_begin, ymm_end);
        components |= avx_component;
    }
    std::memcpy(&xsave[components_offset], &components, sizeof components);
}

std::size_t register_bytes(std::size_t number) {
    const Register* reg = find_register(number);
    return reg == nullptr ? 0 : reg->bytes;
}

std::optional<std::vector<std::byte>> read_register(const ThreadState& state, std::size_t number) {
    const Register* reg = find_register(number);
    if (reg == nullptr) return std::nullopt;
    const auto kept = place_of(*reg, state);
    if (kept.empty()) return std::nullopt;
    std::vector<std::byte> bytes(reg->bytes);
    if (reg->place == Place::tags) {
        const std::uint16_t tags = wide_tags(std::to_integer<std::uint8_t>(kept.front()));
        std::memcpy(bytes.data(), &tags, sizeof tags);
    } else {
        std::ranges::copy(kept, bytes.begin());
    }
    return bytes;
}

bool write_register(ThreadState& state, std::size_t number, std::span<const std::byte> bytes) {
    const Register* reg = find_register(number);
    if (reg == nullptr || bytes.size() != reg->bytes) return false;
    const auto kept = place_of(*reg, state);
    if (kept.empty()) return false;
    if (reg->place == Place::tags) {
        const unsigned tags = std::to_integer<unsigned>(bytes[0]) | std::to_integer<unsigned>(bytes[1]) << 8;
        kept.front() = static_cast<std::byte>(narrow_tags(tags));
    } else {
        std::ranges::copy(bytes.first(kept.size()), kept.begin());
    }
    return true;
}

}  // namespace husk::debug
