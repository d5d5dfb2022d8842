// SPDX-License-Identifier: Apache-2.0
#include "launcher/backend/file_lock.hpp"

#include <fcntl.h>

#include <cerrno>

#include "launcher/config/text.hpp"
#include "launcher/host/error.hpp"

namespace husk::backend {

void lock_file(int fd, LockKind kind, const std::filesystem::path& path) {
    struct flock whole {};
    whole.l_type = kind == LockKind::exclusive ? F_WRLCK : F_RDLCK;
    whole.l_whence = SEEK_SET;
    if (::fcntl(fd, F_OFD_SETLK, &whole) == 0 || (errno != EAGAIN && errno != EACCES)) return;
    throw host::Error(
        host::ExitCode::disk_in_use,
        config::fill_in(kind == LockKind::exclusive
                            ? "the disk {} is in use by another process, such as a VM: end that first, or attach it "
                              "read-only to both (ro)"
                            : "the disk {} is being written by another process, such as a VM: end that first",
                        path.native()));
}

}  // namespace husk::backend
