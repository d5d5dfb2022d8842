// SPDX-License-Identifier: Apache-2.0
// ext4 images, made by mke2fs of e2fsprogs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "launcher/host/file_descriptor.hpp"

namespace husk::backend {

struct Ext4Options {
    std::uint64_t size_bytes = 0;
    std::string label = {};         // at most 16 bytes; empty: none
    std::uint32_t block_bytes = 0;  // 1024, 2048 or 4096; 0: what mke2fs chooses
};

// A new, sparse file with an empty file system. Throws host::Error: bad_disk (the file exists, or mke2fs does not like
// the options), disk_unreadable (it cannot be made), disk_tools. What was begun is removed again.
void create_ext4(const std::filesystem::path& path, const Ext4Options& options);

// An image with the content of a folder, in a file without a name. Throws host::Error: disk_unreadable (no folder),
// disk_tools.
struct DirectoryImage {
    host::FileDescriptor fd;
    std::uint64_t size_bytes;
};
[[nodiscard]] DirectoryImage make_directory_image(const std::filesystem::path& folder);

}  // namespace husk::backend
