// SPDX-License-Identifier: Apache-2.0
#include "launcher/host/clock.hpp"

#include <doctest/doctest.h>

using namespace husk;

TEST_CASE("only a host that keeps its time by the TSC has one clock for all its CPUs") {
    CHECK(host::is_tsc("tsc"));
    CHECK(host::is_tsc("tsc\n"));
    for (const char* other : {"", "hpet", "kvm-clock", "acpi_pm", "tsc-early", "hyperv_clocksource_tsc_page"})
        CHECK_FALSE(host::is_tsc(other));
}
