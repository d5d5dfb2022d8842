// SPDX-License-Identifier: Apache-2.0
// One page of a page cache: its frame, and in the low bits of the frame's address what is going on with it.
#pragma once

#include <cstdint>

#include <husk/abi/guest_address.hpp>

#include "guest-runtime/memory/frames.hpp"

namespace husk::fs {

namespace page_state {
inline constexpr std::uint64_t filling = 1u << 0;  // not readable yet
inline constexpr std::uint64_t writing = 1u << 1;  // on its way to the disk
inline constexpr std::uint64_t used = 1u << 2;     // since eviction last came by
inline constexpr std::uint64_t dirty = 1u << 3;    // marked in the tree as well
inline constexpr std::uint64_t mapped = 1u << 4;   // the application may be storing into it through a mapping
}  // namespace page_state

class CachedPage {
public:
    constexpr explicit CachedPage(abi::GuestPhys slot) : word_(slot.value) {}

    [[nodiscard]] bool is_there() const { return word_ != 0; }
    [[nodiscard]] bool has(std::uint64_t state) const { return (word_ & state) != 0; }
    [[nodiscard]] bool is_ready() const { return is_there() && !has(page_state::filling); }
    [[nodiscard]] abi::GuestPhys frame() const { return {abi::align_down(word_, abi::page_size)}; }
    [[nodiscard]] abi::GuestPhys slot() const { return {word_}; }
    [[nodiscard]] CachedPage with(std::uint64_t state) const { return CachedPage({word_ | state}); }
    [[nodiscard]] CachedPage without(std::uint64_t state) const { return CachedPage({word_ & ~state}); }
    // Nobody but the cache holds the frame.
    [[nodiscard]] bool is_unshared() const { return memory::frame_references(frame()) == 1; }

private:
    std::uint64_t word_;
};

}  // namespace husk::fs
