// SPDX-License-Identifier: Apache-2.0
// What uname(2) and /proc say this system is.
#pragma once

namespace husk::sys {

// Linux's struct utsname.
struct SystemName {
    char system[65], node[65], release[65], version[65], machine[65], domain[65];
};

const SystemName& system_name();
void set_system_name(const SystemName& name);

}  // namespace husk::sys
