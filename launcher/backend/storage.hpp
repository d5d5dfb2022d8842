// SPDX-License-Identifier: Apache-2.0
// The bytes of a disk, wherever they are kept: calls that block, from any thread.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <memory>
#include <span>

namespace husk::backend {

enum class IoKind : std::uint8_t { read, write, flush, discard, write_zeroes };

// One operation. The pieces of memory belong to the guest, and stay as they are until it is complete.
struct IoRequest {
    IoKind kind = IoKind::read;
    bool is_durable = false;  // a write that is complete only once it would survive a power cut
    bool may_unmap = false;   // write_zeroes: a hole will do
    std::uint64_t offset_bytes = 0;
    std::uint64_t size_bytes = 0;
    std::span<iovec> pieces;  // of a read or write; consumed
    int error = 0;            // once it is complete: an errno, 0 for none
    void* owner = nullptr;    // whatever the submitter wants to find again
};

class IoEngine;

class Storage {
public:
    virtual ~Storage() = default;

    [[nodiscard]] virtual std::uint64_t size_bytes() const = 0;

    // Everything here returns 0 or an errno. Ranges lie within size_bytes. A read of what the file has lost meanwhile
    // is EIO.
    [[nodiscard]] virtual int read(std::uint64_t offset, std::span<iovec> pieces) = 0;
    [[nodiscard]] virtual int write(std::uint64_t offset, std::span<iovec> pieces) = 0;
    // What was written before survives a power cut once this returns.
    [[nodiscard]] virtual int flush() = 0;
    // The range need not keep its content.
    [[nodiscard]] virtual int discard(std::uint64_t offset, std::uint64_t size_bytes) = 0;
    [[nodiscard]] virtual int write_zeroes(std::uint64_t offset, std::uint64_t size_bytes, bool may_unmap) = 0;

    // The best there is for this storage, which outlives it.
    [[nodiscard]] virtual std::unique_ptr<IoEngine> make_engine() = 0;
};

// Does the operation and stores its error.
void carry_out(IoRequest& request, Storage& storage);

}  // namespace husk::backend
