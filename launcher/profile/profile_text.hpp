// SPDX-License-Identifier: Apache-2.0
// A profile as text.
#pragma once

#include <cstdint>
#include <string>

#include "launcher/profile/profile.hpp"

namespace husk::profile {

// "thread;main;work 70": a line for each chain of calls, as flamegraph.pl and its kin read it.
[[nodiscard]] std::string folded_text(const Profile& profile);

// Threads and functions with their shares.
[[nodiscard]] std::string report_text(const Profile& profile, std::uint64_t period_ns);

}  // namespace husk::profile
