// SPDX-License-Identifier: Apache-2.0
// Numbers of Linux's ABI that say how a path or descriptor is to be opened and used (O_*, AT_*, POLL*, S_*).
#pragma once

#include <cstdint>

namespace husk::fs {

namespace open_flag {
inline constexpr std::uint32_t access_mask = 03;
inline constexpr std::uint32_t read_only = 0;
inline constexpr std::uint32_t write_only = 01;
inline constexpr std::uint32_t read_write = 02;
inline constexpr std::uint32_t create = 0100;
inline constexpr std::uint32_t exclusive = 0200;
inline constexpr std::uint32_t no_tty = 0400;
inline constexpr std::uint32_t truncate = 01000;
inline constexpr std::uint32_t append = 02000;
inline constexpr std::uint32_t non_block = 04000;
inline constexpr std::uint32_t data_sync = 010000;
inline constexpr std::uint32_t async = 020000;
inline constexpr std::uint32_t direct = 040000;
inline constexpr std::uint32_t large_file = 0100000;
inline constexpr std::uint32_t directory = 0200000;
inline constexpr std::uint32_t no_follow = 0400000;
inline constexpr std::uint32_t no_atime = 01000000;
inline constexpr std::uint32_t close_on_exec = 02000000;
inline constexpr std::uint32_t sync = 04010000;
inline constexpr std::uint32_t path_only = 010000000;            // O_PATH
inline constexpr std::uint32_t unnamed = 020000000 | directory;  // O_TMPFILE
// What F_SETFL may change.
inline constexpr std::uint32_t settable = append | non_block | async | direct | no_atime;
inline constexpr std::uint32_t all = access_mask | create | exclusive | no_tty | truncate | append | non_block | sync |
                                     async | direct | large_file | directory | no_follow | no_atime | close_on_exec |
                                     path_only | unnamed;
}  // namespace open_flag

namespace at_flag {
inline constexpr std::uint32_t symlink_no_follow = 0x100;
inline constexpr std::uint32_t effective_access = 0x200;
inline constexpr std::uint32_t remove_directory = 0x200;
inline constexpr std::uint32_t symlink_follow = 0x400;
inline constexpr std::uint32_t no_automount = 0x800;
inline constexpr std::uint32_t empty_path = 0x1000;
inline constexpr std::uint32_t statx_sync_type = 0x6000;
}  // namespace at_flag

inline constexpr int at_cwd = -100;

namespace poll_bit {
inline constexpr unsigned in = 0x001;
inline constexpr unsigned priority = 0x002;
inline constexpr unsigned out = 0x004;
inline constexpr unsigned error = 0x008;
inline constexpr unsigned hang_up = 0x010;
inline constexpr unsigned invalid = 0x020;
inline constexpr unsigned read_normal = 0x040;
inline constexpr unsigned read_band = 0x080;
inline constexpr unsigned write_normal = 0x100;
inline constexpr unsigned write_band = 0x200;
inline constexpr unsigned peer_closed = 0x2000;  // POLLRDHUP
inline constexpr unsigned readable = in | read_normal;
inline constexpr unsigned writable = out | write_normal;
}  // namespace poll_bit

namespace seek_from {
inline constexpr int start = 0;
inline constexpr int current = 1;
inline constexpr int end = 2;
inline constexpr int data = 3;
inline constexpr int hole = 4;
}  // namespace seek_from

// The type bits of st_mode.
enum class FileType : std::uint32_t {
    none = 0,  // anonymous: eventfd and its kin
    fifo = 0010000,
    character = 0020000,
    directory = 0040000,
    block = 0060000,
    regular = 0100000,
    symlink = 0120000,
    socket = 0140000,
};
inline constexpr std::uint32_t file_type_mask = 0170000;
inline constexpr std::uint32_t permission_mask = 07777;

// The type byte of a directory entry (DT_*).
constexpr std::uint8_t directory_entry_type(FileType type) {
    return static_cast<std::uint8_t>(static_cast<std::uint32_t>(type) >> 12);
}

// dev_t as Linux's stat(2) and mknod(2) hold it.
constexpr std::uint64_t make_device(std::uint32_t major, std::uint32_t minor) {
    return (minor & 0xffu) | ((major & 0xfffu) << 8) | (static_cast<std::uint64_t>(minor & ~0xffu) << 12) |
           (static_cast<std::uint64_t>(major & ~0xfffu) << 32);
}
constexpr std::uint32_t device_major(std::uint64_t device) {
    return static_cast<std::uint32_t>(((device >> 8) & 0xfff) | ((device >> 32) & ~0xfffull));
}
constexpr std::uint32_t device_minor(std::uint64_t device) {
    return static_cast<std::uint32_t>((device & 0xff) | ((device >> 12) & 0xffff'ff00));
}

}  // namespace husk::fs
