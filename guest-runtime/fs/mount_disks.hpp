// SPDX-License-Identifier: Apache-2.0
// Mounts what the launcher's settings say: "mount=vda:/data" or "mount=vda:/data:ro".
#pragma once

#include <string_view>

#include "guest-runtime/base/format.hpp"
#include "guest-runtime/base/result.hpp"

namespace husk::fs {

// `settings`: NUL-terminated words one after the other, as in BootInfo.
[[nodiscard]] bool wants_mounts(std::string_view settings);
// May sleep. After an error, `why` holds a sentence for whoever started the VM.
Result<> mount_disks(std::string_view settings, TextWriter& why);

// Writes back what is dirty anywhere, and has the disks make it durable: the first error.
Result<> sync_disks();
// From now on the end of the VM, however it comes, writes back and shuts down what is mounted.
void sync_at_exit();

}  // namespace husk::fs
