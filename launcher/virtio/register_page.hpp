// SPDX-License-Identifier: Apache-2.0
// The registers of one device as the guest reads them, without an exit [virtio 4.2.2].
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include <husk/abi/virtio/mmio.hpp>

namespace husk::virtio {

class RegisterPage final {
public:
    static constexpr std::size_t size_bytes = 4096;
    static constexpr std::size_t config_offset = static_cast<std::size_t>(abi::virtio::Register::config);
    static constexpr std::size_t config_max_bytes = size_bytes - config_offset;

    // bytes: size_bytes, 4-byte aligned, zero; a read-only slot of the guest. They outlive this object.
    explicit RegisterPage(std::span<std::byte> bytes) : bytes_(bytes) {}

    void store(abi::virtio::Register at, std::uint32_t value) { word(at).store(value); }
    void set_bits(abi::virtio::Register at, std::uint32_t bits) { word(at).fetch_or(bits); }
    void clear_bits(abi::virtio::Register at, std::uint32_t bits) { word(at).fetch_and(~bits); }
    [[nodiscard]] std::uint32_t load(abi::virtio::Register at) const { return word(at).load(); }

    // Replaces the first bytes of the configuration, under a new generation [virtio 2.5.1].
    void store_config(std::span<const std::byte> config);

    void copy_to(std::size_t offset, std::span<std::byte> to) const;

private:
    [[nodiscard]] std::atomic_ref<std::uint32_t> word(abi::virtio::Register at) const;

    std::span<std::byte> bytes_;
};

}  // namespace husk::virtio
