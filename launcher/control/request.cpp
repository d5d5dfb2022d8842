// SPDX-License-Identifier: Apache-2.0
#include "launcher/control/request.hpp"

#include <array>
#include <utility>

#include <boost/json.hpp>

#include "launcher/config/json_text.hpp"
#include "launcher/config/text.hpp"

namespace husk::control {

namespace {

namespace json = boost::json;

constexpr std::array actions{
    std::pair{"info", Action::info},   std::pair{"stats", Action::stats},   std::pair{"stop", Action::stop},
    std::pair{"pause", Action::pause}, std::pair{"resume", Action::resume},
};

// Deep nesting is nobody's request.
constexpr std::size_t max_depth = 4;

}  // namespace

std::optional<Request> parse_request(std::string_view line, std::string& wrong) {
    json::parse_options options;
    options.max_depth = max_depth;
    boost::system::error_code error;
    const json::value value = json::parse(json::string_view(line.data(), line.size()), error, {}, options);
    const json::object* object = error ? nullptr : value.if_object();
    if (object == nullptr) {
        wrong = "a request is a JSON object in one line";
        return std::nullopt;
    }
    const json::value* version = object->if_contains("husk");
    if (version == nullptr || !version->is_int64() || version->get_int64() != protocol_version) {
        wrong = config::fill_in(R"(a request needs "husk":{}, the version of this protocol)", protocol_version);
        return std::nullopt;
    }
    const json::value* action = object->if_contains("do");
    const json::value* force = object->if_contains("force");
    if (force != nullptr && !force->is_bool()) {
        wrong = R"("force" is true or false)";
        return std::nullopt;
    }
    for (const auto& [name, known] : actions) {
        if (action != nullptr && action->is_string() && action->get_string() == name)
            return Request{known, force != nullptr && force->get_bool()};
    }
    wrong = R"("do" is "info", "stats", "stop", "pause" or "resume")";
    return std::nullopt;
}

std::string request_line(const Request& request) {
    config::JsonText text;
    text.begin_object().field("husk", protocol_version);
    for (const auto& [name, known] : actions) {
        if (known == request.action) text.field("do", name);
    }
    if (request.force) text.field("force", true);
    return text.end_object().text() + "\n";
}

std::string error_line(std::string_view sentence) {
    config::JsonText text;
    text.begin_object().field("husk", protocol_version).field("ok", false).field("error", sentence);
    return text.end_object().text() + "\n";
}

}  // namespace husk::control
