// SPDX-License-Identifier: Apache-2.0
// What a client asks of a running VM: one JSON object in a line (docs/control.md).
//
//   {"husk":1,"do":"stop","force":true}
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace husk::control {

inline constexpr int protocol_version = 1;
inline constexpr std::size_t request_max_bytes = 4096;

enum class Action { info, stats, stop, pause, resume };

struct Request {
    Action action = Action::info;
    bool force = false;  // stop: end the VM, do not ask the application
};

// Any bytes without a line end. Nothing: `wrong` says why, in a sentence.
[[nodiscard]] std::optional<Request> parse_request(std::string_view line, std::string& wrong);

// With its line end.
[[nodiscard]] std::string request_line(const Request& request);

// {"husk":1,"ok":false,"error":"<sentence>"} and a line end.
[[nodiscard]] std::string error_line(std::string_view sentence);

}  // namespace husk::control
