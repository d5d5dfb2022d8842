// SPDX-License-Identifier: Apache-2.0
#include "launcher/host/installed_memory.hpp"

#include <sys/sysinfo.h>

namespace husk::host {

std::uint64_t installed_memory_bytes() {
    struct sysinfo facts {};
    return ::sysinfo(&facts) == 0 ? std::uint64_t{facts.totalram} * facts.mem_unit : 0;
}

}  // namespace husk::host
