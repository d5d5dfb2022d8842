// SPDX-License-Identifier: Apache-2.0
#include "launcher/host/start_thread.hpp"

#include <string>
#include <system_error>
#include <utility>

#include "launcher/host/error.hpp"
#include "launcher/host/signals.hpp"

namespace husk::host {

std::thread start_thread(std::string_view work_name, std::function<void()> work) {
    const SignalsBlocked blocked;
    try {
        return std::thread(std::move(work));
    } catch (const std::system_error& error) {
        throw Error(ExitCode::host_failure,
                    "cannot start a thread for " + std::string(work_name) + ": " + error.code().message());
    }
}

}  // namespace husk::host
