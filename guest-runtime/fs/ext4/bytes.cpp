// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/ext4/bytes.hpp"

#include "guest-runtime/base/panic.hpp"

namespace husk::fs::ext4 {

void panic_beyond_block() { panic("a field beyond its block"); }

}  // namespace husk::fs::ext4
