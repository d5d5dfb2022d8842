// SPDX-License-Identifier: Apache-2.0
// The journal's superblock: what it says, checked, and how it is changed.
#pragma once

#include <span>
#include <string_view>

#include "guest-runtime/base/result.hpp"
#include "guest-runtime/fs/journal/layout.hpp"

namespace husk::journal {

struct LogState {
    Layout layout;
    std::uint32_t block_count = 0;  // of the journal; the log is [first, block_count)
    std::uint32_t first = 0;
    std::uint32_t start = 0;                 // 0: empty
    std::uint32_t sequence = 0;              // of the transaction at `start`
    bool has_transaction_checksums = false;  // COMPAT_CHECKSUM; only ever read
};

// `block`: the journal's first block as read, of a journal whose map has `map_blocks`. EINVAL: corrupt; EOPNOTSUPP:
// made by somebody who knows more. `why` then says so.
Result<LogState> parse_superblock(std::span<const std::byte> block, std::uint32_t map_blocks, std::string_view& why);

// Where the log begins now; `start` 0 marks it empty.
void set_log_start(std::span<std::byte> block, std::uint32_t start, std::uint32_t sequence);
// Of an empty log: how it is written from now on.
void set_features(std::span<std::byte> block, bool has_checksums, bool is_wide);

}  // namespace husk::journal
