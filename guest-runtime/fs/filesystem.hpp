// SPDX-License-Identifier: Apache-2.0
// One mounted tree of inodes: what the mount table holds and statfs(2) describes.
#pragma once

#include <cstdint>
#include <string_view>

#include "guest-runtime/fs/inode.hpp"
#include "guest-runtime/thread/mutex.hpp"

namespace husk::fs {

struct FilesystemCounts {
    std::uint64_t magic = 0;  // f_type
    std::uint64_t block_bytes = 4096;
    std::uint64_t blocks = 0;
    std::uint64_t blocks_free = 0;
    std::uint64_t inodes = 0;
    std::uint64_t inodes_free = 0;
};

// Lives as long as the VM once it is mounted.
class Filesystem {
public:
    // `device` is st_dev of its inodes; `name` is the type shown in /proc/mounts.
    constexpr Filesystem(std::uint64_t device, std::string_view name) : device_(device), name_(name) {}
    Filesystem(const Filesystem&) = delete;
    Filesystem& operator=(const Filesystem&) = delete;

    [[nodiscard]] std::uint64_t device() const { return device_; }
    [[nodiscard]] std::string_view name() const { return name_; }
    [[nodiscard]] virtual bool is_read_only() const { return false; }
    virtual Result<RefPtr<Inode>> root() = 0;
    virtual FilesystemCounts counts() = 0;
    virtual Result<> sync() { return {}; }
    // At the end of the VM: everything is on the disk, which then counts as clean, and nothing can be written any more.
    virtual Result<> unmount() { return sync(); }

    // Held around every look at or change of the directories' structure.
    thread::Mutex& structure() { return structure_; }

protected:
    ~Filesystem() = default;

private:
    std::uint64_t device_;
    std::string_view name_;
    thread::Mutex structure_;
};

}  // namespace husk::fs
