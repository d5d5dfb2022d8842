// SPDX-License-Identifier: Apache-2.0
// The table of /sys.
#pragma once

#include "guest-runtime/fs/generated_tree.hpp"

namespace husk::fs {

extern const GeneratedNode sys_tree;

}  // namespace husk::fs
