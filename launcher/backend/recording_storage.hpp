// SPDX-License-Identifier: Apache-2.0
// A disk that also writes down what is done to it, so that a test can make what a power cut would have left.
//
// The record is a sequence of entries: RecordEntry and, behind a write, its data. A write stands there before its
// driver hears that it is complete. A flush says how many of the writes in front of it have surely reached the medium;
// what came later may be missing after a power cut, wholly or in part, in any order.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>

#include "launcher/backend/storage.hpp"
#include "launcher/host/file_descriptor.hpp"

namespace husk::backend {

enum class RecordKind : std::uint64_t { write = 1, zero = 2, flush = 3 };

struct RecordEntry {
    RecordKind kind;
    std::uint64_t offset;      // flush: how many writes and zeros of the record are on the medium
    std::uint64_t size_bytes;  // flush: 0
};
static_assert(sizeof(RecordEntry) == 24);

class RecordingStorage final : public Storage {
public:
    // Creates the record, or empties it. Throws host::Error (disk_unreadable).
    RecordingStorage(std::unique_ptr<Storage> below, const std::filesystem::path& record);

    [[nodiscard]] std::uint64_t size_bytes() const override { return below_->size_bytes(); }
    [[nodiscard]] int read(std::uint64_t offset, std::span<iovec> pieces) override {
        return below_->read(offset, pieces);
    }
    [[nodiscard]] int write(std::uint64_t offset, std::span<iovec> pieces) override;
    [[nodiscard]] int flush() override;
    [[nodiscard]] int discard(std::uint64_t offset, std::uint64_t size_bytes) override;
    [[nodiscard]] int write_zeroes(std::uint64_t offset, std::uint64_t size_bytes, bool may_unmap) override;
    [[nodiscard]] std::unique_ptr<IoEngine> make_engine() override;

private:
    [[nodiscard]] int append(const RecordEntry& entry, std::span<const std::byte> data);

    const std::unique_ptr<Storage> below_;
    host::FileDescriptor record_;
    std::mutex mutex_;
    std::uint64_t changes_ = 0;
};

}  // namespace husk::backend
