// SPDX-License-Identifier: Apache-2.0
// `husk inspect --syscalls`: the system calls that an image's code can make.
#pragma once

#include <string>

#include "launcher/image/image.hpp"

namespace husk::cli {

// One line for each call that a patched site makes with a fixed number, in their order: "missing" when the runtime of
// this launcher's release answers ENOSYS, and what a call that is there does not do. Then how many sites take their
// number from elsewhere, as syscall(2) does, and how many are not in the patch table.
[[nodiscard]] std::string list_calls(const image::Image& image);

}  // namespace husk::cli
