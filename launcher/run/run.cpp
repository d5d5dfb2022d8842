// SPDX-License-Identifier: Apache-2.0
#include "launcher/run/run.hpp"

#include <string>

#include "launcher/host/standard_streams.hpp"
#include "launcher/run/machine.hpp"

namespace husk::run {

namespace {

constexpr int signal_exit_base = 128;  // as a shell reports it

std::string describe_choices(const Stats& stats) {
    const char* backing = "4 KiB pages";
    if (stats.backing == memory::Backing::transparent_huge) backing = "transparent huge pages";
    if (stats.backing == memory::Backing::huge_2m) backing = "reserved huge pages of 2 MiB";
    if (stats.backing == memory::Backing::huge_1g) backing = "reserved huge pages of 1 GiB";
    return std::to_string(stats.memory_bytes >> 20) + " MiB of memory on " + backing + ", KVM " +
           (stats.kvm_kind == kvm::Kind::hw ? "on virtualisation hardware" : "without virtualisation hardware (pvm)");
}

}  // namespace

Outcome::Outcome() = default;
Outcome::Outcome(Outcome&&) noexcept = default;
Outcome& Outcome::operator=(Outcome&&) noexcept = default;
Outcome::~Outcome() = default;

Outcome run_vm(const config::LaunchConfig& config, const image::Image& image, const RunHooks& hooks) {
    host::standard_streams();
    Outcome outcome;
    outcome.machine = std::make_unique<Machine>(config, image, hooks, outcome.stats);
    if (hooks.on_note) hooks.on_note(describe_choices(outcome.stats));
    outcome.machine->run(outcome);
    if (config.stats != config::StatsFormat::none)
        outcome.stats.memory_resident_bytes = outcome.machine->resident_bytes();
    outcome.stats.devices = outcome.machine->device_stats();
    outcome.machine->close_devices();
    return outcome;
}

int exit_code(const Outcome& outcome) {
    if (outcome.end.failure) return static_cast<int>(outcome.end.failure->code);
    if (outcome.crash == abi::CrashKind::panic) return static_cast<int>(host::ExitCode::runtime_panic);
    if (outcome.end.signal != 0) return signal_exit_base + outcome.end.signal;
    return outcome.end.exit_status;
}

}  // namespace husk::run
