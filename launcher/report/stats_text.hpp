// SPDX-License-Identifier: Apache-2.0
// The end of a run in numbers: --stats and --stats=json.
#pragma once

#include <string>

#include "launcher/run/stats.hpp"

namespace husk::report {

[[nodiscard]] std::string stats_as_text(const run::Stats& stats);

// One object on one line. Times are in us with three decimals, sizes in bytes.
[[nodiscard]] std::string stats_as_json(const run::Stats& stats);

}  // namespace husk::report
