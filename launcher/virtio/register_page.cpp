// SPDX-License-Identifier: Apache-2.0
#include "launcher/virtio/register_page.hpp"

#include <cassert>
#include <cstring>

namespace husk::virtio {

using abi::virtio::Register;

std::atomic_ref<std::uint32_t> RegisterPage::word(Register at) const {
    const auto offset = static_cast<std::size_t>(at);
    assert(offset % sizeof(std::uint32_t) == 0 && offset + sizeof(std::uint32_t) <= bytes_.size());
    // SAFETY: in range and aligned as asserted, by enumerators only; lives as long as the page.
    return std::atomic_ref(*reinterpret_cast<std::uint32_t*>(bytes_.data() + offset));
}

void RegisterPage::store_config(std::span<const std::byte> config) {
    assert(config.size() <= config_max_bytes);
    std::memcpy(bytes_.data() + config_offset, config.data(), config.size());
    // A driver that reads the generation before and after sees that something changed meanwhile.
    word(Register::config_generation).fetch_add(1);
}

void RegisterPage::copy_to(std::size_t offset, std::span<std::byte> to) const {
    std::memcpy(to.data(), bytes_.data() + offset, to.size());
}

}  // namespace husk::virtio
