// SPDX-License-Identifier: Apache-2.0
#include "launcher/backend/file_lock.hpp"

#include <fcntl.h>

#include <cerrno>
#include <chrono>
#include <thread>

#include "launcher/config/text.hpp"
#include "launcher/host/error.hpp"

namespace husk::backend {

namespace {

constexpr int patience_ms = 300;

}  // namespace

void lock_file(int fd, LockKind kind, const std::filesystem::path& path) {
    struct flock whole {};
    whole.l_type = kind == LockKind::exclusive ? F_WRLCK : F_RDLCK;
    whole.l_whence = SEEK_SET;
    // The kernel lets go of the disk of a VM that was killed a moment after its end.
    for (int tries = 0; tries < patience_ms; ++tries) {
        if (::fcntl(fd, F_OFD_SETLK, &whole) == 0 || (errno != EAGAIN && errno != EACCES)) return;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    throw host::Error(
        host::ExitCode::disk_in_use,
        config::fill_in(kind == LockKind::exclusive
                            ? "the disk {} is in use by another process, such as a VM: end that first, or attach it "
                              "read-only to both (ro)"
                            : "the disk {} is being written by another process, such as a VM: end that first",
                        path.native()));
}

}  // namespace husk::backend
