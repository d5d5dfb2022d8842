// SPDX-License-Identifier: Apache-2.0
// How a VM ended.
#pragma once

#include <optional>
#include <string>

#include "launcher/host/error.hpp"

namespace husk::run {

// Why it was the launcher that ended the VM.
struct Failure {
    host::ExitCode code;
    std::string sentence;
};

struct End {
    int exit_status = 0;  // of the application, 0..255
    int signal = 0;       // that ended the application, or the launcher's second one; 0: none
    std::optional<Failure> failure;
};

}  // namespace husk::run
