// SPDX-License-Identifier: Apache-2.0
// `husk doctor`: what this host can do, and how to mend what it cannot.
#pragma once

#include <string>
#include <vector>

namespace husk::cli {

struct Finding {
    bool good = false;
    std::string subject;  // "KVM"
    std::string state;    // "usable, ..."
    std::string advice;   // what to do; empty: nothing
};

struct Diagnosis {
    std::vector<Finding> findings;
    bool can_run = false;  // a VM can run, one way or another
};

[[nodiscard]] Diagnosis examine_host();

[[nodiscard]] std::string to_text(const Diagnosis& diagnosis);

}  // namespace husk::cli
