// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/inode.hpp"

#include "guest-runtime/fs/file.hpp"

namespace husk::fs {

Result<std::uint64_t> Inode::seek_data(std::uint64_t offset, bool hole) {
    std::uint64_t size = size_bytes();
    if (offset >= size) return Errno::enxio;
    return hole ? size : offset;
}

Result<RefPtr<File>> Inode::open(std::uint32_t) { return Errno::enxio; }

}  // namespace husk::fs
