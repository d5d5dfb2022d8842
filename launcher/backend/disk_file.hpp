// SPDX-License-Identifier: Apache-2.0
// A disk in a file of the host, or on a block device of the host, byte for byte.
#pragma once

#include <cstdint>
#include <filesystem>

#include "launcher/backend/storage.hpp"
#include "launcher/config/disk_config.hpp"
#include "launcher/host/file_descriptor.hpp"

namespace husk::backend {

struct DiskFileOptions {
    bool read_only = false;
    config::DiskCache cache = config::DiskCache::writeback;
};

class DiskFile final : public Storage {
public:
    // Opens and locks it. Throws host::Error: disk_unreadable, disk_in_use, bad_disk (empty, or no whole sectors).
    [[nodiscard]] static DiskFile open(const std::filesystem::path& path, const DiskFileOptions& options);

    // Takes over a file that has no name any more.
    DiskFile(host::FileDescriptor fd, std::uint64_t size_bytes, config::DiskCache cache);

    [[nodiscard]] int fd() const { return fd_.get(); }
    // cache=unsafe: flush() does nothing.
    [[nodiscard]] bool fakes_flush() const { return cache_ == config::DiskCache::unsafe; }
    // What offsets, sizes and memory must be aligned to; 512 or more.
    [[nodiscard]] std::uint32_t block_bytes() const { return block_bytes_; }

    [[nodiscard]] std::uint64_t size_bytes() const override { return size_bytes_; }
    [[nodiscard]] int read(std::uint64_t offset, std::span<iovec> pieces) override;
    [[nodiscard]] int write(std::uint64_t offset, std::span<iovec> pieces) override;
    [[nodiscard]] int flush() override;
    [[nodiscard]] int discard(std::uint64_t offset, std::uint64_t size_bytes) override;
    [[nodiscard]] int write_zeroes(std::uint64_t offset, std::uint64_t size_bytes, bool may_unmap) override;
    // io_uring when the kernel has it, otherwise threads.
    [[nodiscard]] std::unique_ptr<IoEngine> make_engine() override;

private:
    host::FileDescriptor fd_;
    std::uint64_t size_bytes_;
    config::DiskCache cache_;
    std::uint32_t block_bytes_ = 512;
};

}  // namespace husk::backend
