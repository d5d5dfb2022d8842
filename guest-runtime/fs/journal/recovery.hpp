// SPDX-License-Identifier: Apache-2.0
// Recovery: finds the committed transactions of a log and writes their copies home, in three passes (scan, revoke,
// replay) that decide as jbd2 and e2fsck do [linux fs/jbd2/recovery.c].
#pragma once

#include <cstdint>
#include <span>

#include "guest-runtime/base/result.hpp"
#include "guest-runtime/fs/journal/handle.hpp"
#include "guest-runtime/fs/journal/superblock.hpp"

namespace husk::journal {

class RecoveryStorage {
public:
    // The block of the journal with that index (< LogState::block_count) into `to`.
    virtual Result<> read_log(std::uint32_t index, std::span<std::byte> to) = 0;
    // EIO for a block that the device does not have.
    virtual Result<> write_home(std::uint64_t block, std::span<const std::byte> from) = 0;

protected:
    ~RecoveryStorage() = default;
};

struct Recovered {
    TransactionId next = 0;  // the number of the first transaction that was not committed
    std::uint32_t replayed = 0;
    std::uint32_t revoked = 0;
};

// Of a log that is not empty. What is torn or stale ends it. EIO: a committed transaction cannot be read, or does not
// have the checksum it should; what could be written home was. ENOMEM.
Result<Recovered> recover_log(const LogState& log, RecoveryStorage& storage);

}  // namespace husk::journal
