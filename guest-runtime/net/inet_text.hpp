// SPDX-License-Identifier: Apache-2.0
// Internet addresses as text.
#pragma once

#include <lwip/ip_addr.h>

#include "guest-runtime/fs/text.hpp"

namespace husk::net {

// 10.0.0.1, fe80::1
inline void write_address(fs::Text& to, const ip_addr_t& address) {
    char text[IPADDR_STRLEN_MAX];
    if (ipaddr_ntoa_r(&address, text, sizeof text) != nullptr) to.text(text);
}

}  // namespace husk::net
