// SPDX-License-Identifier: Apache-2.0
// Where a debugger may connect.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace husk::config {

struct DebugAddress {
    std::string host = "127.0.0.1";
    std::uint16_t port = 0;  // 0: any free one
};

struct DebugConfig {
    std::optional<DebugAddress> gdb;           // from the first instruction on
    std::optional<DebugAddress> gdb_on_crash;  // when the application has crashed
};

}  // namespace husk::config
