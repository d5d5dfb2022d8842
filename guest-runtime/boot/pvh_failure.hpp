// SPDX-License-Identifier: Apache-2.0
// The end of a boot that cannot succeed.
#pragma once

#include <string_view>

namespace husk::boot::pvh {

// Prints one line on the console, in ring 0, and ends the machine.
[[noreturn]] void fail(std::string_view why);

}  // namespace husk::boot::pvh
