// SPDX-License-Identifier: Apache-2.0
// husk: parse, build, run, exit code.
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include "launcher/backend/disk_file.hpp"
#include "launcher/backend/ext4_image.hpp"
#include "launcher/cli/command.hpp"
#include "launcher/cli/doctor.hpp"
#include "launcher/cli/host_network.hpp"
#include "launcher/cli/inspect.hpp"
#include "launcher/cli/vm_commands.hpp"
#include "launcher/config/text.hpp"
#include "launcher/debug/debugger.hpp"
#include "launcher/host/error.hpp"
#include "launcher/host/process.hpp"
#include "launcher/image/details.hpp"
#include "launcher/image/image.hpp"
#include "launcher/kvm/cpu_model.hpp"
#include "launcher/kvm/host_cpu.hpp"
#include "launcher/profile/collector.hpp"
#include "launcher/qemu/find_qemu.hpp"
#include "launcher/qemu/run_qemu.hpp"
#include "launcher/report/crash.hpp"
#include "launcher/report/report_crash.hpp"
#include "launcher/report/stats_text.hpp"
#include "launcher/report/write_text.hpp"
#include "launcher/run/run.hpp"
#include "launcher/trace/trace_session.hpp"

namespace {

using namespace husk;

constexpr int signal_exit_base = 128;  // as a shell reports it

// Both kinds of KVM give the guest these state components of the host's; on hw its own XCR0 is set so.
report::XsaveLayout guest_xsave_layout() {
    std::array<abi::CpuidEntry, kvm::cpuid_capacity> entries{};
    const std::uint32_t count = kvm::read_host_cpuid(entries);
    const std::uint64_t xcr0 = kvm::host_xcr0() & kvm::xcr0_allowed;
    return {xcr0, kvm::xsave_size_bytes(std::span(entries).first(count), xcr0)};
}

// Listens where one is wanted. One that only crashes are for is not told of anything before.
std::optional<debug::Debugger> make_debugger(const config::LaunchConfig& config, const image::Image& image) {
    const auto& address = config.debug.gdb ? config.debug.gdb : config.debug.gdb_on_crash;
    if (!address) return std::nullopt;
    return std::make_optional<debug::Debugger>(*address, image.note, guest_xsave_layout());
}

std::unique_ptr<trace::TraceSession> make_trace(const config::LaunchConfig& config) {
    const config::TraceConfig& trace = config.debug.trace;
    return trace.calls.empty() ? nullptr : std::make_unique<trace::TraceSession>(trace);
}

run::RunHooks make_hooks(const config::LaunchConfig& config, const image::Image& image,
                         std::optional<debug::Debugger>& debugger, trace::TraceSession* trace) {
    run::RunHooks hooks;
    if (trace != nullptr) {
        hooks.on_trace = [trace](std::span<const std::byte> bytes) { trace->tracer().take(bytes); };
        hooks.on_trace_period = [trace] { trace->tracer().on_period(); };
    }
    hooks.on_crash = [&](const run::CrashView& crash) {
        report::report_crash({crash.record, crash.memory, crash.page_table_root}, image, config, guest_xsave_layout());
        if (debugger) debugger->on_crash(crash, config.debug.gdb_on_crash.has_value());
    };
    if (config.debug.gdb) hooks.on_stop = [&](const run::StopView& stop) { return debugger->on_stop(stop); };
    hooks.on_warning = [](std::string_view line) { report::say(line); };
    if (config.verbose) {
        hooks.on_log = [](std::string_view line) { report::say(report::make_printable(line)); };
        hooks.on_note = [](std::string_view line) { report::say(line); };
    }
    return hooks;
}

int run_on_kvm(const config::LaunchConfig& config, const image::Image& image) {
    std::optional<debug::Debugger> debugger = make_debugger(config, image);
    const auto trace = make_trace(config);
    std::optional<profile::Collector> collector;
    run::RunHooks hooks = make_hooks(config, image, debugger, trace.get());
    if (config.debug.profile) {
        collector.emplace(*config.debug.profile, image);
        hooks.on_sample = [&](const run::SampleView& view) { collector->add(view); };
    }
    run::Outcome outcome = run::run_vm(config, image, hooks);
    if (collector) collector->finish();
    if (trace) trace->tracer().finish(outcome.end.exit_status, outcome.end.signal);
    if (debugger) debugger->on_end(outcome.end.exit_status, outcome.end.signal);
    if (outcome.end.failure) report::say(outcome.end.failure->sentence);
    using config::StatsFormat;
    if (config.stats == StatsFormat::text) report::write_text(STDERR_FILENO, report::stats_as_text(outcome.stats));
    if (config.stats == StatsFormat::json) report::write_text(STDERR_FILENO, report::stats_as_json(outcome.stats));
    static_cast<void>(outcome.machine.release());  // the process ends next, which takes the VM down sooner
    return run::exit_code(outcome);
}

// What of the disks QEMU cannot do for itself: folders become images, which it inherits, and what is wrong with a file
// is said as on KVM. The images are to stay open until QEMU has started.
std::vector<backend::DirectoryImage> prepare_disks_for_qemu(config::LaunchConfig& config) {
    std::vector<backend::DirectoryImage> images;
    for (config::DiskConfig& disk : config.disks) {
        if (disk.overlay || disk.record)
            throw host::Error(host::ExitCode::usage, "an overlay or a record works on KVM only, not under QEMU");
        if (disk.is_directory) {
            images.push_back(backend::make_directory_image(disk.file));
            disk.file = config::fill_in("/proc/self/fd/{}", images.back().fd.get());
            fcntl(images.back().fd.get(), F_SETFD, 0);
        } else {
            static_cast<void>(backend::DiskFile::open(disk.file, {disk.read_only, disk.cache}));
        }
    }
    return images;
}

// `reason`: why not on KVM; empty when QEMU was asked for.
int run_on_qemu(const config::LaunchConfig& config, const image::Image& image, std::string_view reason) {
    static_cast<void>(qemu::require_qemu());  // before a promise is made
    if (config.debug.profile)
        throw host::Error(host::ExitCode::usage,
                          "--profile needs KVM: the speed of QEMU's software emulation would not tell where time goes");
    if (!image::read_details(image).pvh_entry) {
        throw host::Error(host::ExitCode::not_husk_image,
                          config::fill_in("{} has no PVH entry, which QEMU needs; link it again with husk-c++",
                                          config.image.native()));
    }
    // QEMU would load it all the same, and the guest die without a word.
    const image::Segment& last = image.segments.back();
    if (last.begin.value + last.memory_bytes > config.memory_bytes) {
        throw host::Error(host::ExitCode::memory_too_small,
                          "the image does not fit into its memory: give it more with --memory");
    }
    config::LaunchConfig prepared = config;
    const auto images = prepare_disks_for_qemu(prepared);
    if (!reason.empty())
        report::say(config::fill_in("{}: running under QEMU's software emulation, which is slower", reason));
    if (config.core_file) report::say("--core has no effect under QEMU");
    if (!config.name.empty()) report::say("--name has no effect under QEMU");
    if (!config.pins.empty() || config.placement.node || config.placement.is_mergeable)
        report::say("--pin, --numa and --ksm have no effect under QEMU");
    if (config.memory_target_bytes) report::say("--memory-target has no effect under QEMU");
    if (config.debug.gdb_on_crash) report::say("--gdb-on-crash has no effect under QEMU");
    if (config.stats != config::StatsFormat::none) report::say("--stats has no effect under QEMU");
    const auto trace = make_trace(config);
    qemu::Hooks hooks;
    hooks.on_warning = [](std::string_view line) { report::say(line); };
    if (trace) {
        hooks.on_trace = [&](std::span<const std::byte> bytes) { trace->tracer().take(bytes); };
        hooks.on_trace_period = [&] { trace->tracer().on_period(); };
    }
    const qemu::Ending ending = qemu::run_under_qemu(prepared, hooks);
    if (trace) trace->tracer().finish(ending.exit_status, ending.signal);
    return ending.signal != 0 ? signal_exit_base + ending.signal : ending.exit_status;
}

int run_image(const config::LaunchConfig& config) {
    using host::ExitCode;
    const image::Image image = image::open_image(config.image);
    if (config.accelerator == config::Accelerator::qemu) return run_on_qemu(config, image, "");
    try {
        return run_on_kvm(config, image);
    } catch (const host::Error& error) {
        const bool unusable = error.code() == ExitCode::no_kvm || error.code() == ExitCode::kvm_permission;
        if (config.accelerator != config::Accelerator::automatic || !unusable) throw;
        return run_on_qemu(config, image,
                           error.code() == ExitCode::no_kvm
                               ? "no usable /dev/kvm ('husk doctor' tells more)"
                               : "no permission to use /dev/kvm ('husk doctor' tells more)");
    }
}

int carry_out(const cli::RunCommand& command) { host::leave_process(run_image(command.config)); }

int carry_out(const cli::InspectCommand& command) {
    report::write_text(STDOUT_FILENO, cli::inspect_image(command));
    return 0;
}

int carry_out(const cli::DoctorCommand&) {
    const cli::Diagnosis diagnosis = cli::examine_host();
    report::write_text(STDOUT_FILENO, cli::to_text(diagnosis));
    return diagnosis.can_run ? 0 : 1;
}

int carry_out(const cli::CreateDiskCommand& command) {
    backend::create_ext4(command.file, {command.size_bytes, command.label, command.block_bytes});
    return 0;
}

int carry_out(const cli::NetCommand& command) {
    report::write_text(STDOUT_FILENO, command.up ? cli::bring_network_up(command) : cli::take_network_down(command));
    return 0;
}

int carry_out(const cli::VmCommand& command) {
    cli::carry_out_vm_command(command);
    return 0;
}

int carry_out(const cli::TextCommand& command) {
    report::write_text(STDOUT_FILENO, command.text);
    return 0;
}

int run_command_line(std::span<const char* const> words) {
    try {
        return std::visit([](const auto& command) { return carry_out(command); }, cli::parse_command(words));
    } catch (const host::Error& error) {
        report::say(error.what());
        return static_cast<int>(error.code());
    } catch (const std::exception& error) {
        report::say(error.what());
        return static_cast<int>(host::ExitCode::host_failure);
    }
}

}  // namespace

int main(int count, char** words) {
    husk::host::use_small_stacks();
    // Whoever started it may ignore it, and then the end of a child could not be waited for.
    std::signal(SIGCHLD, SIG_DFL);
    // Without even a name for itself, argv is empty.
    const auto all = std::span<const char* const>(words, static_cast<std::size_t>(count));
    const int code = run_command_line(all.subspan(all.empty() ? 0 : 1));
    _exit(code);  // nothing is left to flush, and destructors would only cost time
}
