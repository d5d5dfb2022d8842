// SPDX-License-Identifier: Apache-2.0
// Gives memory that the application has freed back to the host, until about as much is backed as the setting
// memory_target=BYTES says. A thread of the runtime does it, a moment after the memory became free.
#pragma once

#include <string_view>

namespace husk::thread {

// settings: NUL-terminated "name=value" strings. Without the setting nothing is started.
void start_giving_back(std::string_view settings);

}  // namespace husk::thread
