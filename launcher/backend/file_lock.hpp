// SPDX-License-Identifier: Apache-2.0
// One writer or many readers of a disk file: the advisory lock of an open file description [fcntl(2)].
#pragma once

#include <filesystem>

namespace husk::backend {

enum class LockKind { shared, exclusive };

// Locks the whole file until the descriptor is closed. Throws host::Error (disk_in_use) with the file's name. A file
// system without locks is taken as it is.
void lock_file(int fd, LockKind kind, const std::filesystem::path& path);

}  // namespace husk::backend
