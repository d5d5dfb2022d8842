// SPDX-License-Identifier: Apache-2.0
#include "launcher/run/placement.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "launcher/config/text.hpp"
#include "launcher/host/cpu_affinity.hpp"
#include "launcher/host/error.hpp"
#include "launcher/host/installed_memory.hpp"

namespace husk::run {

using config::fill_in;

void check_pins(const config::LaunchConfig& config) {
    if (config.pins.empty()) return;
    if (config.pins.size() != config.cpus) {
        throw host::Error(host::ExitCode::placement,
                          fill_in("--pin names {} CPUs, but the VM has {} virtual CPU{}: name one for each",
                                  config.pins.size(), config.cpus, config.cpus == 1 ? "" : "s"));
    }
    const std::vector<unsigned> allowed = host::allowed_cpus();
    for (const unsigned pin : config.pins) {
        if (std::ranges::find(allowed, pin) == allowed.end())
            throw host::Error(host::ExitCode::placement,
                              fill_in("--pin names CPU {}, which is not there or not for this process", pin));
    }
}

void check_memory(std::uint64_t memory_bytes, const std::function<void(std::string_view)>& on_warning) {
    const std::uint64_t installed = host::installed_memory_bytes();
    if (!on_warning || installed == 0 || memory_bytes <= installed) return;
    on_warning(fill_in("--memory is {} MiB and this host has {} MiB: what it cannot back, the guest will miss",
                       memory_bytes >> 20, installed >> 20));
}

void check_cpu_count(std::uint32_t cpus, const kvm::System& system,
                     const std::function<void(std::string_view)>& on_warning) {
    if (cpus == 1) return;
    if (const std::uint32_t most = system.vcpus_max(); cpus > most)
        throw host::Error(host::ExitCode::placement,
                          fill_in("this host's KVM gives a VM at most {} virtual CPUs, and --cpus is {}", most, cpus));
    const std::size_t allowed = host::allowed_cpus().size();
    if (on_warning && allowed != 0 && cpus > allowed)
        on_warning(
            fill_in("{} virtual CPUs share the {} CPU{} that this process may use: they will wait for each other", cpus,
                    allowed, allowed == 1 ? "" : "s"));
}

}  // namespace husk::run
