// SPDX-License-Identifier: Apache-2.0
// Writes down system calls for whoever watches: a record when one begins, and another when it ends.
//
// Calls that are wanted get another handler in the dispatch table, at boot and for good. So an image that is not traced
// runs no instruction more for it.
#pragma once

#include <string_view>

namespace husk::sys {

// By trace= of the settings (NUL-terminated "name=value" strings).
void start_trace(std::string_view settings);

}  // namespace husk::sys
