// SPDX-License-Identifier: Apache-2.0
// Memory in several pieces, as readv(2) takes it.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <span>
#include <vector>

namespace husk::backend {

[[nodiscard]] std::size_t total_bytes(std::span<const iovec> pieces);

// Replaces `rest` by the pieces without their first `count` bytes.
void skip_front(std::span<const iovec> pieces, std::size_t count, std::vector<iovec>& rest);

// Cuts the pieces off behind `count` bytes.
void keep_front(std::vector<iovec>& pieces, std::size_t count);

// Copies from `offset` of the pieces on, as far as both reach. Returns how many bytes.
std::size_t store_at(std::span<const iovec> pieces, std::size_t offset, std::span<const std::byte> from);
std::size_t copy_from(std::span<const iovec> pieces, std::size_t offset, std::span<std::byte> to);

}  // namespace husk::backend
