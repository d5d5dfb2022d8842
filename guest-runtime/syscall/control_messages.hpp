// SPDX-License-Identifier: Apache-2.0
// The control data of sendmsg(2) and recvmsg(2): cmsghdr records in the application's memory.
#pragma once

#include <cstdint>

#include "guest-runtime/net/message.hpp"

namespace husk::sys {

// EINVAL for records that do not fit into `size_bytes` or that nobody knows; EBADF for a descriptor that is not open.
Result<> load_control(net::Control& control, std::uint64_t user_address, std::uint64_t size_bytes);

// Writes what fits, as records; descriptors are opened for it. Sets MSG_CTRUNC in `result_flags` for what does not fit.
// Returns the bytes used.
Result<std::uint64_t> store_control(net::IncomingMessage& message, std::uint64_t user_address, std::uint64_t size_bytes,
                                    bool close_on_exec);

}  // namespace husk::sys
