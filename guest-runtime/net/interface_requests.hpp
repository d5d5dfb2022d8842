// SPDX-License-Identifier: Apache-2.0
// The ioctls that ask for network interfaces (SIOCGIF*), which any internet socket answers.
#pragma once

#include <cstdint>

#include "guest-runtime/base/result.hpp"

namespace husk::net {

// ENODEV for a name that no interface has, ENOTTY for a request that is none of them.
Result<long> interface_ioctl(std::uint64_t request, std::uint64_t argument);

}  // namespace husk::net
