// SPDX-License-Identifier: Apache-2.0
#include "launcher/cli/vm_commands.hpp"

#include <unistd.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include <boost/json.hpp>

#include "launcher/cli/vm_table.hpp"
#include "launcher/cli/vm_text.hpp"
#include "launcher/config/text.hpp"
#include "launcher/control/client.hpp"
#include "launcher/control/vm_name.hpp"
#include "launcher/host/errno_error.hpp"

namespace husk::cli {

namespace {

namespace json = boost::json;
using control::Action;
using Form = VmCommand::Form;
using Kind = VmCommand::Kind;

constexpr std::chrono::seconds redraw_interval(1);

void print(const std::string& text) {
    std::string_view rest = text;
    while (!rest.empty()) {
        const ssize_t count = ::write(STDOUT_FILENO, rest.data(), rest.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) throw host::errno_error("cannot write to stdout");
        rest.remove_prefix(static_cast<std::size_t>(count));
    }
}

std::vector<json::object> ask_all(Action action) {
    std::vector<json::object> answers;
    for (const std::string& name : control::running_names()) {
        if (auto answer = control::try_ask(name, {action})) answers.push_back(std::move(*answer));
    }
    return answers;
}

std::string as_json_list(std::vector<json::object> answers) {
    json::array list;
    for (json::object& answer : answers) {
        answer.erase("husk");
        answer.erase("ok");
        list.push_back(std::move(answer));
    }
    return json::serialize(list) + "\n";
}

void list(const VmCommand& command) {
    std::vector<json::object> answers = ask_all(Action::info);
    print(command.form == Form::json ? as_json_list(std::move(answers)) : list_as_text(answers));
}

// Rates need two looks.
void show_top(const VmCommand& command) {
    const bool redraws = !command.once && ::isatty(STDOUT_FILENO) == 1;
    std::vector<json::object> before = ask_all(Action::stats);
    for (;;) {
        std::this_thread::sleep_for(redraw_interval);
        std::vector<json::object> now = ask_all(Action::stats);
        const std::vector<VmUse> uses = uses_between(before, now);
        constexpr std::string_view home_and_clear = "\x1b[H\x1b[2J";
        print((redraws ? std::string(home_and_clear) : std::string()) +
              (command.form == Form::json ? uses_as_json(uses) : uses_as_text(uses)));
        if (command.once) return;
        before = std::move(now);
    }
}

void show_stats(const VmCommand& command) {
    json::object answer = control::Client(command.name).ask({Action::stats});
    if (command.form == Form::prometheus) return print(stats_as_prometheus(answer));
    if (command.form == Form::text) return print(stats_as_lines(answer));
    answer.erase("husk");
    answer.erase("ok");
    print(json::serialize(answer) + "\n");
}

void stop(const VmCommand& command) {
    control::Client vm(command.name);
    static_cast<void>(vm.ask({Action::stop, command.force}));
    constexpr int patience_after_force_ms = 5000;
    if (vm.wait_for_end(command.force ? patience_after_force_ms : static_cast<int>(command.patience.count()))) return;
    if (!command.force) {
        print(config::fill_in("{} did not end within {} ms: ending the VM\n", command.name, command.patience.count()));
        static_cast<void>(vm.ask({Action::stop, true}));
        if (vm.wait_for_end(patience_after_force_ms)) return;
    }
    throw host::Error(host::ExitCode::host_failure, config::fill_in("the VM {} does not end", command.name));
}

}  // namespace

void carry_out_vm_command(const VmCommand& command) {
    switch (command.kind) {
        case Kind::ps:
            return list(command);
        case Kind::top:
            return show_top(command);
        case Kind::stats:
            return show_stats(command);
        case Kind::stop:
            return stop(command);
        case Kind::pause:
            static_cast<void>(control::Client(command.name).ask({Action::pause}));
            return;
        case Kind::resume:
            static_cast<void>(control::Client(command.name).ask({Action::resume}));
            return;
    }
}

}  // namespace husk::cli
