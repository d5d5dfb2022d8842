// SPDX-License-Identifier: Apache-2.0
// Which system calls husk-user-net needs while it carries frames. Any other one ends the process, and the network with
// it: whoever makes it is not this program any more.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace husk::user_net {

// One call; when it has conditions, only with arguments that meet all of them. Several rules for a call: any of them.
struct CallRule {
    struct Condition {
        unsigned argument;
        std::uint64_t mask;
        std::uint64_t value;  // argument & mask
    };
    int number;
    std::vector<Condition> conditions;
};

[[nodiscard]] std::span<const CallRule> call_rules();

// Has the kernel keep to the rules, in this process until its end, and answer sockets of families other than IPv4 and
// IPv6 with EAFNOSUPPORT. false: errno says why not.
[[nodiscard]] bool install_call_filter();

}  // namespace husk::user_net
