// SPDX-License-Identifier: Apache-2.0
// Addresses, routes and name servers as the launcher's settings or DHCP give them.
#pragma once

#include <string_view>

namespace husk::net {

// Applies the ip= and dns= of `settings` (NUL-terminated "name=value" strings, see husk/abi/boot_info.hpp). What makes
// no sense is left out, which a line of the log says.
void configure(std::string_view settings);

}  // namespace husk::net
