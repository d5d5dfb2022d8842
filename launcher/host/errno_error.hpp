// SPDX-License-Identifier: Apache-2.0
// A failed system call as the launcher's one exception.
#pragma once

#include <string>

#include "launcher/host/error.hpp"

namespace husk::host {

// "<what>: <text of error_number>", with ExitCode::host_failure.
[[nodiscard]] Error errno_error(const std::string& what, int error_number);

// The same for the calling thread's errno.
[[nodiscard]] Error errno_error(const std::string& what);

}  // namespace husk::host
