// SPDX-License-Identifier: Apache-2.0
// Walks one descriptor chain of a guest that may be hostile: each descriptor is copied once, checked, and then used.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <string>
#include <vector>

#include <husk/abi/guest_address.hpp>
#include <husk/abi/virtio/ring.hpp>

#include "launcher/memory/guest_memory.hpp"

namespace husk::virtio {

class ChainReader final {
public:
    // The table has `size` descriptors, which are in RAM.
    ChainReader(const memory::GuestMemory& memory, abi::GuestPhys table, std::uint32_t size, bool with_indirect)
        : memory_(memory), table_(table), size_(size), with_indirect_(with_indirect) {}

    // false: the chain breaks a rule of [virtio 2.7.5], and fault() says which.
    [[nodiscard]] bool read(std::uint16_t head);

    [[nodiscard]] std::vector<iovec> take_pieces() { return std::move(pieces_); }
    [[nodiscard]] std::size_t readable_count() const { return readable_count_; }
    [[nodiscard]] const std::string& fault() const { return fault_; }

private:
    [[nodiscard]] bool read_indirect(const abi::virtio::Descriptor& reference);
    [[nodiscard]] bool add(const abi::virtio::Descriptor& descriptor);
    [[nodiscard]] bool fail(std::string what);

    const memory::GuestMemory& memory_;
    const abi::GuestPhys table_;
    const std::uint32_t size_;
    const bool with_indirect_;
    std::vector<iovec> pieces_;
    std::size_t readable_count_ = 0;
    std::string fault_;
};

}  // namespace husk::virtio
