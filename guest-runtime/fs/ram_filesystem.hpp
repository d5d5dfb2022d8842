// SPDX-License-Identifier: Apache-2.0
// A file system whose inodes live in the runtime's heap and whose contents live in page frames.
#pragma once

#include <atomic>
#include <cstdint>

#include "guest-runtime/fs/filesystem.hpp"

namespace husk::fs {

class RamFilesystem final : public Filesystem {
public:
    constexpr RamFilesystem(std::uint64_t device, std::string_view name) : Filesystem(device, name) {}

    Result<RefPtr<Inode>> root() override;
    FilesystemCounts counts() override;

    std::uint64_t take_number() { return next_number_.fetch_add(1, std::memory_order_relaxed); }
    void on_inode_created() { inodes_.fetch_add(1, std::memory_order_relaxed); }
    void on_inode_destroyed() { inodes_.fetch_sub(1, std::memory_order_relaxed); }

    // Files may not take the last frames: the runtime and the application's stacks need them. ENOSPC.
    static Result<> check_room(std::uint64_t pages);

private:
    std::atomic<std::uint64_t> next_number_ = 1;
    std::atomic<std::uint64_t> inodes_ = 0;
    Inode* root_ = nullptr;  // owns a reference, for the life of the VM
};

}  // namespace husk::fs
