// SPDX-License-Identifier: Apache-2.0
// What running VMs use, as rates between two looks at them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

namespace husk::cli {

struct VmUse {
    std::string name;
    std::string state;
    std::vector<double> cpu_percent;  // of each vCPU's thread
    std::map<std::string, double> exits_per_second;
    double all_exits_per_second = 0;
    std::uint64_t resident_bytes = 0;
    std::uint64_t memory_bytes = 0;
    std::string backing;
    double disk_bytes_per_second = 0;
    double net_bytes_per_second = 0;
};

// Answers to "stats" of both looks; a VM that is not in both is left out.
[[nodiscard]] std::vector<VmUse> uses_between(const std::vector<boost::json::object>& before,
                                              const std::vector<boost::json::object>& after);

[[nodiscard]] std::string uses_as_text(const std::vector<VmUse>& uses);
[[nodiscard]] std::string uses_as_json(const std::vector<VmUse>& uses);

}  // namespace husk::cli
