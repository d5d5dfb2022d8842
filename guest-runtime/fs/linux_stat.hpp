// SPDX-License-Identifier: Apache-2.0
// The structs in which Linux on x86-64 hands out an inode's attributes.
#pragma once

#include <cstddef>
#include <cstdint>

#include "guest-runtime/fs/inode.hpp"

namespace husk::fs {

struct LinuxTime {
    std::int64_t seconds;
    std::int64_t nanoseconds;

    static constexpr LinuxTime from_ns(std::int64_t ns) {
        std::int64_t seconds = ns / 1'000'000'000;
        std::int64_t rest = ns % 1'000'000'000;
        if (rest < 0) {
            --seconds;
            rest += 1'000'000'000;
        }
        return {seconds, rest};
    }
};

// struct stat
struct LinuxStat {
    std::uint64_t st_dev;
    std::uint64_t st_ino;
    std::uint64_t st_nlink;
    std::uint32_t st_mode;
    std::uint32_t st_uid;
    std::uint32_t st_gid;
    std::uint32_t padding;
    std::uint64_t st_rdev;
    std::int64_t st_size;
    std::int64_t st_blksize;
    std::int64_t st_blocks;
    LinuxTime st_atim;
    LinuxTime st_mtim;
    LinuxTime st_ctim;
    std::int64_t reserved[3];
};
static_assert(sizeof(LinuxStat) == 144 && offsetof(LinuxStat, st_size) == 48 && offsetof(LinuxStat, st_atim) == 72);

// struct statx
struct LinuxStatx {
    struct Time {
        std::int64_t seconds;
        std::uint32_t nanoseconds;
        std::int32_t reserved;
    };
    std::uint32_t stx_mask;
    std::uint32_t stx_blksize;
    std::uint64_t stx_attributes;
    std::uint32_t stx_nlink;
    std::uint32_t stx_uid;
    std::uint32_t stx_gid;
    std::uint16_t stx_mode;
    std::uint16_t padding;
    std::uint64_t stx_ino;
    std::uint64_t stx_size;
    std::uint64_t stx_blocks;
    std::uint64_t stx_attributes_mask;
    Time stx_atime, stx_btime, stx_ctime, stx_mtime;
    std::uint32_t stx_rdev_major, stx_rdev_minor, stx_dev_major, stx_dev_minor;
    std::uint64_t stx_mnt_id;
    std::uint64_t reserved[13];
};
static_assert(sizeof(LinuxStatx) == 256 && offsetof(LinuxStatx, stx_atime) == 64);
static_assert(offsetof(LinuxStatx, stx_rdev_major) == 128 && offsetof(LinuxStatx, stx_mnt_id) == 144);

// struct statfs
struct LinuxStatfs {
    std::int64_t f_type, f_bsize;
    std::uint64_t f_blocks, f_bfree, f_bavail, f_files, f_ffree;
    std::int32_t f_fsid[2];
    std::int64_t f_namelen, f_frsize, f_flags;
    std::int64_t reserved[4];
};
static_assert(sizeof(LinuxStatfs) == 120);

LinuxStat to_linux_stat(const Attributes& attributes, std::uint64_t device);
LinuxStatx to_linux_statx(const Attributes& attributes, std::uint64_t device);

}  // namespace husk::fs
