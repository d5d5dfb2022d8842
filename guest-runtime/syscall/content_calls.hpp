// SPDX-License-Identifier: Apache-2.0
// System calls that change or copy a file's contents as a whole: truncation, allocation, syncing, copies.
#pragma once

#include "guest-runtime/syscall/call.hpp"

namespace husk::sys {

SysResult sys_truncate(const Call& call);
SysResult sys_ftruncate(const Call& call);
SysResult sys_fallocate(const Call& call);
SysResult sys_fsync(const Call& call);
SysResult sys_fdatasync(const Call& call);
SysResult sys_sync(const Call& call);
SysResult sys_syncfs(const Call& call);
SysResult sys_sync_file_range(const Call& call);
SysResult sys_fadvise64(const Call& call);
SysResult sys_readahead(const Call& call);
SysResult sys_sendfile(const Call& call);
SysResult sys_copy_file_range(const Call& call);

}  // namespace husk::sys
