// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/syscall/system_name.hpp"

#include <algorithm>

namespace husk::sys {

namespace {

// The release is that of the Linux whose interface the runtime follows: programs compare it with what they need.
constinit SystemName name{"Linux", "husk", "6.1.0-husk", "#1 SMP PREEMPT Husk", "x86_64", "(none)"};

}  // namespace

const SystemName& system_name() { return name; }
void set_system_name(const SystemName& new_name) { name = new_name; }

void take_host_name(std::string_view settings) {
    constexpr std::string_view key = "hostname=";
    while (!settings.empty()) {
        std::string_view setting = settings.substr(0, settings.find('\0'));
        settings.remove_prefix(std::min(setting.size() + 1, settings.size()));
        if (!setting.starts_with(key)) continue;
        std::string_view wanted = setting.substr(key.size(), sizeof name.node - 1);
        if (wanted.empty()) continue;
        wanted.copy(name.node, wanted.size());
        name.node[wanted.size()] = '\0';
    }
}

}  // namespace husk::sys
