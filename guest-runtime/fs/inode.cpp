// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/inode.hpp"

#include "guest-runtime/fs/device_table.hpp"
#include "guest-runtime/fs/directory_file.hpp"
#include "guest-runtime/fs/make_ref_as.hpp"
#include "guest-runtime/fs/regular_file.hpp"

namespace husk::fs {

Result<std::uint64_t> Inode::seek_data(std::uint64_t offset, bool hole) {
    std::uint64_t size = size_bytes();
    if (offset >= size) return Errno::enxio;
    return hole ? size : offset;
}

Result<RefPtr<File>> Inode::open(std::uint32_t flags) {
    switch (type_) {
        case FileType::regular:
            return make_ref_as<File, RegularFile>(RefPtr<Inode>(this), flags);
        case FileType::directory:
            return make_ref_as<File, DirectoryFile>(RefPtr<Inode>(this), flags);
        case FileType::character:
        case FileType::block:
            return open_device(RefPtr<Inode>(this), flags);
        case FileType::symlink:
            return Errno::eloop;
        default:
            return Errno::enxio;
    }
}

}  // namespace husk::fs
