// SPDX-License-Identifier: Apache-2.0
// A running QEMU with its channels to the launcher.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include "launcher/config/launch_config.hpp"
#include "launcher/host/file_descriptor.hpp"
#include "launcher/qemu/network_words.hpp"

namespace husk::qemu {

// The launcher's ends of the guest's ports, all non-blocking. End of file: QEMU is gone.
struct Channels {
    host::FileDescriptor standard_output;
    host::FileDescriptor standard_error;
    host::FileDescriptor serial;  // COM1: what a runtime says before it has read its command line
    host::FileDescriptor status;
    host::FileDescriptor trace;    // closed: nothing is traced
    host::FileDescriptor control;  // to the guest
};

class Machine final {
public:
    // Throws host::Error: no_qemu, usage (the command line is too long for one), host_failure.
    [[nodiscard]] static Machine start(const config::LaunchConfig& config, const std::string& kernel_line);

    Machine(Machine&& other) noexcept;
    Machine& operator=(Machine&&) = delete;
    ~Machine();  // kills and reaps what still runs

    [[nodiscard]] Channels& channels() { return channels_; }

    // A sentence for each process behind a network that has failed since it was last asked. One that ends because QEMU
    // does has not.
    [[nodiscard]] std::vector<std::string> take_failed_helpers();

    // True once QEMU has ended; reaps it.
    [[nodiscard]] bool try_reap();
    void kill();

private:
    Machine(pid_t pid, Channels channels, std::vector<NetworkHelper> helpers)
        : pid_(pid), channels_(std::move(channels)), helpers_(std::move(helpers)) {}

    pid_t pid_;
    Channels channels_;
    std::vector<NetworkHelper> helpers_;  // those that have not ended
};

}  // namespace husk::qemu
