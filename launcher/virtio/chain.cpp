// SPDX-License-Identifier: Apache-2.0
#include "launcher/virtio/chain.hpp"

#include <cassert>
#include <span>
#include <utility>

namespace husk::virtio {

Chain::Chain(std::uint16_t head, std::vector<iovec> pieces, std::size_t readable_count)
    : pieces_(std::move(pieces)),
      readable_(std::span(pieces_).first(readable_count)),
      writable_(std::span(pieces_).subspan(readable_count)),
      head_(head) {}

Chain::Chain(Chain&& other) noexcept
    : pieces_(std::move(other.pieces_)),
      readable_(other.readable_),
      writable_(other.writable_),
      head_(other.head_),
      is_open_(std::exchange(other.is_open_, false)) {}

Chain::~Chain() { assert(!is_open_); }

}  // namespace husk::virtio
