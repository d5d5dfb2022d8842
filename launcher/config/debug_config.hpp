// SPDX-License-Identifier: Apache-2.0
// How a run is watched: where a debugger may connect, which system calls are traced, what is measured.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace husk::config {

struct DebugAddress {
    std::string host = "127.0.0.1";
    std::uint16_t port = 0;  // 0: any free one
};

struct TraceConfig {
    std::string calls;                          // "all", or names with commas between them; empty: no trace
    std::optional<std::filesystem::path> file;  // instead of stderr
};

struct DebugConfig {
    std::optional<DebugAddress> gdb;           // from the first instruction on
    std::optional<DebugAddress> gdb_on_crash;  // when the application has crashed
    TraceConfig trace;
    std::optional<std::filesystem::path> profile;  // folded stacks; a report lies beside it
};

}  // namespace husk::config
