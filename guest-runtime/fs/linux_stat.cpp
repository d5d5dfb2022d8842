// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/linux_stat.hpp"

namespace husk::fs {

namespace {

constexpr std::uint32_t statx_basic_and_birth = 0xfff;
constexpr std::uint32_t preferred_block_bytes = 4096;

LinuxStatx::Time statx_time(std::int64_t ns) {
    LinuxTime time = LinuxTime::from_ns(ns);
    return {time.seconds, static_cast<std::uint32_t>(time.nanoseconds), 0};
}

}  // namespace

LinuxStat to_linux_stat(const Attributes& attributes, std::uint64_t device) {
    LinuxStat stat = {};
    stat.st_dev = device;
    stat.st_ino = attributes.number;
    stat.st_nlink = attributes.links;
    stat.st_mode = attributes.mode;
    stat.st_uid = attributes.user;
    stat.st_gid = attributes.group;
    stat.st_rdev = attributes.represented_device;
    stat.st_size = static_cast<std::int64_t>(attributes.size_bytes);
    stat.st_blksize = preferred_block_bytes;
    stat.st_blocks = static_cast<std::int64_t>(attributes.blocks_512);
    stat.st_atim = LinuxTime::from_ns(attributes.accessed_ns);
    stat.st_mtim = LinuxTime::from_ns(attributes.modified_ns);
    stat.st_ctim = LinuxTime::from_ns(attributes.changed_ns);
    return stat;
}

LinuxStatx to_linux_statx(const Attributes& attributes, std::uint64_t device) {
    LinuxStatx statx = {};
    statx.stx_mask = statx_basic_and_birth;
    statx.stx_blksize = preferred_block_bytes;
    statx.stx_nlink = attributes.links;
    statx.stx_uid = attributes.user;
    statx.stx_gid = attributes.group;
    statx.stx_mode = static_cast<std::uint16_t>(attributes.mode);
    statx.stx_ino = attributes.number;
    statx.stx_size = attributes.size_bytes;
    statx.stx_blocks = attributes.blocks_512;
    statx.stx_atime = statx_time(attributes.accessed_ns);
    statx.stx_btime = statx_time(attributes.born_ns);
    statx.stx_ctime = statx_time(attributes.changed_ns);
    statx.stx_mtime = statx_time(attributes.modified_ns);
    statx.stx_rdev_major = device_major(attributes.represented_device);
    statx.stx_rdev_minor = device_minor(attributes.represented_device);
    statx.stx_dev_major = device_major(device);
    statx.stx_dev_minor = device_minor(device);
    return statx;
}

}  // namespace husk::fs
