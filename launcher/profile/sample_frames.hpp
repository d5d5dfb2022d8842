// SPDX-License-Identifier: Apache-2.0
// The calls that led to a sample, by name.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "launcher/profile/sample.hpp"
#include "launcher/report/backtrace.hpp"

namespace husk::profile {

// The function that holds the address, as it is to be shown.
using NameOf = std::function<std::string(std::uint64_t pc)>;

// Outermost first: the thread's name, the application's functions, and those of the runtime with "[husk] " in front.
[[nodiscard]] std::vector<std::string> frames_of(const Sample& sample, const RuntimeText& runtime,
                                                 const report::FindRules& find_rules, const NameOf& name_of);

}  // namespace husk::profile
