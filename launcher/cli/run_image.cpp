// SPDX-License-Identifier: Apache-2.0
#include "launcher/cli/run_image.hpp"

#include <unistd.h>

#include <string>

#include "launcher/config/text.hpp"
#include "launcher/host/error.hpp"
#include "launcher/image/image.hpp"
#include "launcher/qemu/run_qemu.hpp"
#include "launcher/report/crash.hpp"
#include "launcher/report/report_crash.hpp"
#include "launcher/report/stats_text.hpp"
#include "launcher/report/write_text.hpp"
#include "launcher/run/run.hpp"

namespace husk::cli {

namespace {

constexpr int signal_exit_base = 128;  // as a shell reports it

void print_stats(const config::LaunchConfig& config, const run::Stats& stats) {
    if (config.stats == config::StatsFormat::text) report::write_text(STDERR_FILENO, report::stats_as_text(stats));
    if (config.stats == config::StatsFormat::json) report::write_text(STDERR_FILENO, report::stats_as_json(stats));
}

int run_on_kvm(const config::LaunchConfig& config, const image::Image& image) {
    run::RunHooks hooks;
    hooks.on_crash = [&](const run::CrashView& crash) {
        report::report_crash({crash.record, crash.memory, crash.page_table_root}, image, config);
    };
    if (config.verbose) {
        hooks.on_log = [](std::string_view line) { report::say(report::make_printable(line)); };
        hooks.on_note = [](std::string_view line) { report::say(line); };
    }
    run::Outcome outcome = run::run_vm(config, image, hooks);
    if (outcome.failure) report::say(outcome.failure->sentence);
    print_stats(config, outcome.stats);
    static_cast<void>(outcome.machine.release());  // the process ends next, which takes the VM down sooner
    return run::exit_code(outcome);
}

int run_on_qemu(const config::LaunchConfig& config, std::string_view reason) {
    report::say(config::fill_in("{}: running under QEMU's software emulation, which is slower", reason));
    if (config.core_file) report::say("--core has no effect under QEMU");
    if (config.stats != config::StatsFormat::none) report::say("--stats has no effect under QEMU");
    const qemu::Ending ending = qemu::run_under_qemu(config);
    return ending.signal != 0 ? signal_exit_base + ending.signal : ending.exit_status;
}

bool means_no_kvm(host::ExitCode code) {
    return code == host::ExitCode::no_kvm || code == host::ExitCode::kvm_permission;
}

}  // namespace

int run_image(const config::LaunchConfig& config) {
    const image::Image image = image::open_image(config.image);
    if (config.accelerator == config::Accelerator::qemu) return run_on_qemu(config, "--accel qemu");
    try {
        return run_on_kvm(config, image);
    } catch (const host::Error& error) {
        if (config.accelerator != config::Accelerator::automatic || !means_no_kvm(error.code())) throw;
        const bool forbidden = error.code() == host::ExitCode::kvm_permission;
        return run_on_qemu(config, forbidden ? "no permission to use /dev/kvm ('husk doctor' tells more)"
                                             : "no usable /dev/kvm ('husk doctor' tells more)");
    }
}

}  // namespace husk::cli
