// SPDX-License-Identifier: Apache-2.0
#include "launcher/host/errno_error.hpp"

#include <cerrno>
#include <cstring>

namespace husk::host {

Error errno_error(const std::string& what, int error_number) {
    // strerror would load a locale's catalogue; the English description is enough and costs nothing.
    const char* text = strerrordesc_np(error_number);
    return {ExitCode::host_failure, what + ": " + (text != nullptr ? text : "error " + std::to_string(error_number))};
}

Error errno_error(const std::string& what) { return errno_error(what, errno); }

}  // namespace husk::host
