// SPDX-License-Identifier: Apache-2.0
// The guest's RAM: the only place that turns a guest-physical address into a host pointer.
//
//   GuestMemory memory = GuestMemory::create(256 << 20, config::HugePages::automatic);
//   if (!memory.copy_in(gpa, record_bytes)) ...   // the guest named memory that it does not have
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <type_traits>

#include <husk/abi/guest_address.hpp>

#include "launcher/config/launch_config.hpp"
#include "launcher/host/mapping.hpp"

namespace husk::memory {

// What the host backs guest RAM with.
enum class Backing { huge_1g, huge_2m, transparent_huge, small };
[[nodiscard]] const char* name_of(Backing backing);

// One contiguous piece of RAM.
struct Region {
    abi::GuestPhys begin;
    std::span<std::byte> bytes;
};

class GuestMemory final {
public:
    // size_bytes is rounded up to whole pages of the kind asked for. Throws host::Error: no_huge_pages when an explicit
    // kind is not to be had, memory_too_small below 4 MiB, placement, host_failure.
    [[nodiscard]] static GuestMemory create(std::uint64_t size_bytes, config::HugePages wish,
                                            const config::MemoryPlacement& placement = {});

    [[nodiscard]] std::uint64_t size_bytes() const { return size_bytes_; }
    [[nodiscard]] Backing backing() const { return backing_; }

    // RAM below the MMIO hole and, when there is more, the part above it.
    [[nodiscard]] std::span<const Region> regions() const { return {regions_.data(), region_count_}; }

    // The bytes at [begin, begin + size): empty when they are not all RAM of one region. They are shared with the
    // guest, which may change them at any time: for large transfers by the kernel, not for parsing.
    [[nodiscard]] std::span<std::byte> try_span(abi::GuestPhys begin, std::uint64_t size_bytes) const;

    // From the guest; false when the range is not all RAM.
    [[nodiscard]] bool copy_in(abi::GuestPhys from, std::span<std::byte> to) const;
    // To the guest; false when the range is not all RAM.
    [[nodiscard]] bool copy_out(abi::GuestPhys to, std::span<const std::byte> from) const;

    template <class T>
    [[nodiscard]] std::optional<T> copy_in(abi::GuestPhys from) const {
        static_assert(std::is_trivially_copyable_v<T>);
        T value;
        if (!copy_in(from, std::as_writable_bytes(std::span<T, 1>(&value, 1)))) return std::nullopt;
        return value;
    }

    // A word-wise shared struct of the contract, reached through atomic accesses only; null when it is not all RAM.
    template <class T>
    [[nodiscard]] T* try_shared(abi::GuestPhys at) const {
        static_assert(std::is_trivially_copyable_v<T>);
        if (!at.is_aligned(alignof(T))) return nullptr;
        const std::span<std::byte> bytes = try_span(at, sizeof(T));
        // SAFETY: in range and aligned as just checked; lives as long as this object, which outlives every vCPU.
        return bytes.empty() ? nullptr : reinterpret_cast<T*>(bytes.data());
    }

    // The same for an array; empty when it is not all RAM.
    template <class T>
    [[nodiscard]] std::span<T> try_shared_array(abi::GuestPhys at, std::size_t count) const {
        static_assert(std::is_trivially_copyable_v<T>);
        if (!at.is_aligned(alignof(T)) || count > SIZE_MAX / sizeof(T)) return {};
        const std::span<std::byte> bytes = try_span(at, count * sizeof(T));
        // SAFETY: in range and aligned as just checked; lives as long as this object, which outlives every vCPU.
        return bytes.empty() ? std::span<T>() : std::span<T>(reinterpret_cast<T*>(bytes.data()), count);
    }

    // Page-table entries and other 64-bit words of a page-aligned range.
    [[nodiscard]] std::span<std::uint64_t> try_words(abi::GuestPhys begin, std::uint64_t size_bytes) const;

    // Backs [begin, begin + size) at once, in one call; a hint.
    void prefault(abi::GuestPhys begin, std::uint64_t size_bytes) const;

    // Gives what backs [begin, begin + size) back to the host: it reads as 0 from now on. Whole pages of 2 MiB within
    // one region; false: they are not, or the host keeps them.
    [[nodiscard]] bool try_discard(abi::GuestPhys begin, std::uint64_t size_bytes) const;

    // Bytes that the host has backed so far.
    [[nodiscard]] std::uint64_t resident_bytes() const { return mapping_.resident_bytes(); }

private:
    GuestMemory(host::Mapping mapping, std::uint64_t size_bytes, Backing backing);

    host::Mapping mapping_;
    std::uint64_t size_bytes_;
    Backing backing_;
    std::array<Region, 2> regions_{};
    std::size_t region_count_ = 0;
};

}  // namespace husk::memory
