// SPDX-License-Identifier: Apache-2.0
// A disk whose changes go to a file of their own: the base stays as it is, and may be shared by many.
#pragma once

#include <filesystem>
#include <mutex>
#include <shared_mutex>
#include <vector>

#include "launcher/backend/block_map.hpp"
#include "launcher/backend/disk_file.hpp"
#include "launcher/backend/storage.hpp"

namespace husk::backend {

class OverlayFile final : public Storage {
public:
    // Opens the overlay, or creates it when there is none. base: opened read-only. Throws host::Error: disk_unreadable,
    // disk_in_use, bad_disk (no overlay, or one of a disk of another size).
    OverlayFile(DiskFile base, const std::filesystem::path& path, config::DiskCache cache);
    ~OverlayFile() override;  // flushes

    [[nodiscard]] std::uint64_t size_bytes() const override { return base_.size_bytes(); }
    [[nodiscard]] int read(std::uint64_t offset, std::span<iovec> pieces) override;
    [[nodiscard]] int write(std::uint64_t offset, std::span<iovec> pieces) override;
    [[nodiscard]] int flush() override;
    [[nodiscard]] int discard(std::uint64_t offset, std::uint64_t size_bytes) override;
    [[nodiscard]] int write_zeroes(std::uint64_t offset, std::uint64_t size_bytes, bool may_unmap) override;
    [[nodiscard]] std::unique_ptr<IoEngine> make_engine() override;

private:
    struct Run {
        std::uint64_t size_bytes;
        bool is_here;
    };

    void create(const std::filesystem::path& path);
    void load(const std::filesystem::path& path);
    [[nodiscard]] Run run_at(std::uint64_t offset, std::uint64_t size_bytes);
    [[nodiscard]] int write_part(std::uint64_t offset, std::uint64_t size_bytes, std::span<iovec> pieces);
    [[nodiscard]] int write_whole_blocks(std::uint64_t offset, std::uint64_t size_bytes, std::span<iovec> pieces);
    [[nodiscard]] int write_zero_bytes(std::uint64_t offset, std::uint64_t size_bytes);

    DiskFile base_;
    host::FileDescriptor fd_;
    const bool fakes_flush_;
    std::uint64_t data_offset_;
    std::shared_mutex writers_;  // alone: who fills up a block from the base
    std::mutex map_mutex_;
    BlockMap map_;
    std::mutex flush_mutex_;
};

}  // namespace husk::backend
