// SPDX-License-Identifier: Apache-2.0
// eventfd(2): a counter that can be waited for.
#pragma once

#include <cstdint>

#include "guest-runtime/fs/file.hpp"

namespace husk::fs {

Result<RefPtr<File>> make_event_file(std::uint32_t initial, bool semaphore, std::uint32_t flags);

}  // namespace husk::fs
