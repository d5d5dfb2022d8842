// SPDX-License-Identifier: Apache-2.0
// What uname(2) and /proc say this system is.
#pragma once

#include <string_view>

namespace husk::sys {

// Linux's struct utsname.
struct SystemName {
    char system[65], node[65], release[65], version[65], machine[65], domain[65];
};

const SystemName& system_name();
void set_system_name(const SystemName& name);
// The node's name out of the settings (NUL-terminated "name=value" strings) when hostname= is one of them.
void take_host_name(std::string_view settings);

}  // namespace husk::sys
