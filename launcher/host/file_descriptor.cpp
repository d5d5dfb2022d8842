// SPDX-License-Identifier: Apache-2.0
#include "launcher/host/file_descriptor.hpp"

#include <unistd.h>

namespace husk::host {

void FileDescriptor::close() noexcept {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

}  // namespace husk::host
