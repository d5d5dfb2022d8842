// SPDX-License-Identifier: Apache-2.0
// A line to the control socket: any bytes give a request, which survives being written and read again, or a sentence.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include <boost/json.hpp>

#include "launcher/control/request.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace husk::control;
    if (size > request_max_bytes) return 0;
    // SAFETY: bytes as characters, for the lifetime of this call.
    const std::string_view line(reinterpret_cast<const char*>(data), size);
    std::string wrong;
    const auto request = parse_request(line, wrong);
    if (!request) {
        boost::system::error_code error;
        const std::string answer = error_line(wrong);
        const auto value = boost::json::parse(answer, error);
        if (wrong.empty() || error || value.as_object().at("error").as_string() != wrong) std::abort();
        return 0;
    }
    const auto again = parse_request(request_line(*request), wrong);
    if (!again || again->action != request->action || again->force != request->force) std::abort();
    return 0;
}
