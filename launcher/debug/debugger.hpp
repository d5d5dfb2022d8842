// SPDX-License-Identifier: Apache-2.0
// GDB at a port, for one VM: decides what each stop means, and serves GDB until the guest may go on.
//
//   Debugger debugger(address, image.note, layout);   // listens
//   hooks.on_stop = [&](const run::StopView& stop) { return debugger.on_stop(stop); };
//   ... run the VM ...
//   debugger.on_end(status, signal);
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>

#include "launcher/config/debug_config.hpp"
#include "launcher/debug/connection.hpp"
#include "launcher/debug/session.hpp"
#include "launcher/report/core_notes.hpp"
#include "launcher/run/run.hpp"

namespace husk::debug {

class Debugger final {
public:
    // Listens. Throws host::Error. note lives longer than this object.
    Debugger(const config::DebugAddress& address, const abi::ImageNote& note, const report::XsaveLayout& layout);

    // The guest rang: serves GDB if the stop is for it. At the first stop it waits for GDB to come.
    [[nodiscard]] run::StopAnswer on_stop(const run::StopView& stop);

    // The application has died: serves GDB until it has seen enough. It waits for GDB to come when `waits`.
    void on_crash(const run::CrashView& crash, bool waits);

    // The VM has ended: tells GDB how.
    void on_end(int exit_status, int signal);

private:
    struct Stop {
        StoppedGuest& guest;
        std::uint32_t tid;
        const std::function<bool()>& is_ending;
    };

    // Nothing: the stop is not for GDB.
    [[nodiscard]] std::optional<StopCause> judge(const run::StopView& view, StoppedGuest& guest);
    [[nodiscard]] std::optional<StopCause> judge_request();
    [[nodiscard]] std::optional<StopCause> judge_step(std::uint32_t tid, const StoppedGuest& guest);
    [[nodiscard]] StopCause judge_breakpoint(std::uint32_t tid, StoppedGuest& guest) const;

    [[nodiscard]] bool await_gdb(const std::function<bool()>& is_ending);
    [[nodiscard]] Resumption serve(Stop stop, const StopCause& cause, bool reports);
    [[nodiscard]] run::StopAnswer go_on(StoppedGuest& guest, const Resumption& resumption);

    Connection connection_;
    Session session_;
    report::XsaveLayout layout_;
    bool has_begun_ = false;
    std::uint32_t shown_fault_ = 0;     // the signal of the last stop, when that was a fault
    bool owes_report_ = false;          // GDB let the guest run and waits for a stop reply
    std::set<std::uint32_t> stepping_;  // threads that GDB has let run one instruction
};

}  // namespace husk::debug
