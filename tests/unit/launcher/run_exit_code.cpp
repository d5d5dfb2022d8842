// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "launcher/run/machine.hpp"
#include "launcher/run/run.hpp"

using namespace husk;

TEST_CASE("the exit code is the launcher's failure, else the panic's, else the signal's, else the application's") {
    run::Outcome outcome;
    outcome.end.exit_status = 7;
    CHECK(run::exit_code(outcome) == 7);
    outcome.end.signal = 15;
    CHECK(run::exit_code(outcome) == 143);
    outcome.crash = abi::CrashKind::signal;
    CHECK(run::exit_code(outcome) == 143);
    outcome.crash = abi::CrashKind::panic;
    CHECK(run::exit_code(outcome) == 80);
    outcome.end.failure = {host::ExitCode::guest_fault, ""};
    CHECK(run::exit_code(outcome) == 79);
}

TEST_CASE("every kind of exit has a name") {
    for (std::size_t kind = 0; kind < run::exit_kinds; ++kind)
        CHECK(run::name_of(static_cast<run::ExitKind>(kind)) != nullptr);
}
