// SPDX-License-Identifier: Apache-2.0
// What a process has beside its descriptors: a working directory, a umask, a limit on file sizes.
#pragma once

#include <cstdint>
#include <string_view>

#include "guest-runtime/fs/inode.hpp"

namespace husk::fs {

RefPtr<Inode> working_directory();
void set_working_directory(RefPtr<Inode> directory);

std::uint32_t umask();
std::uint32_t set_umask(std::uint32_t mask);  // returns the old one

// RLIMIT_FSIZE: writes beyond it fail with EFBIG and raise SIGXFSZ.
std::uint64_t file_size_limit();
void set_file_size_limit(std::uint64_t limit_bytes);

}  // namespace husk::fs
