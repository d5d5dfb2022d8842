// SPDX-License-Identifier: Apache-2.0
// A thread of the launcher's own, which takes no signals: those to the process are for the boot vCPU's.
#pragma once

#include <functional>
#include <string_view>
#include <thread>

namespace husk::host {

// work_name: what it is for, as "cannot start a thread for ..." names it. Throws host::Error: host_failure.
[[nodiscard]] std::thread start_thread(std::string_view work_name, std::function<void()> work);

}  // namespace husk::host
