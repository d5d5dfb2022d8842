// SPDX-License-Identifier: Apache-2.0
// A child process that stands behind a backend: it has one end of a socket, and nothing else of this process.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace husk::backend {

// words[0] is the program's name. The child finds `socket` as descriptor 3. Throws host::Error: user_network.
[[nodiscard]] pid_t start_helper(const std::filesystem::path& program, std::vector<std::string> words, int socket);

// The child's status as waitpid(2) has it, once; nothing when it has not ended in time.
[[nodiscard]] std::optional<int> wait_for_helper(pid_t helper, std::chrono::milliseconds limit);

// Waits for the end of a child whose socket is closed, which comes once it has passed on what the guest has sent: some
// seconds at most, and less when the VM is ended from outside.
void let_helper_finish(pid_t helper);

// ", since its process ..."; empty without a status.
[[nodiscard]] std::string describe_end(std::optional<int> status);

}  // namespace husk::backend
