// SPDX-License-Identifier: Apache-2.0
// husk: parse, build, run, exit code.
#include <unistd.h>

#include <exception>
#include <span>
#include <variant>

#include "launcher/cli/command.hpp"
#include "launcher/cli/doctor.hpp"
#include "launcher/cli/inspect.hpp"
#include "launcher/cli/run_image.hpp"
#include "launcher/host/error.hpp"
#include "launcher/host/process.hpp"
#include "launcher/report/write_text.hpp"

namespace {

using namespace husk;

int carry_out(const cli::RunCommand& command) { host::leave_process(cli::run_image(command.config)); }

int carry_out(const cli::InspectCommand& command) {
    report::write_text(STDOUT_FILENO, cli::inspect_image(command));
    return 0;
}

int carry_out(const cli::DoctorCommand&) {
    const cli::Diagnosis diagnosis = cli::examine_host();
    report::write_text(STDOUT_FILENO, cli::to_text(diagnosis));
    return diagnosis.can_run ? 0 : 1;
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
    const int code = run_command_line(std::span<const char* const>(words, static_cast<std::size_t>(count)).subspan(1));
    _exit(code);  // nothing is left to flush, and destructors would only cost time
}
