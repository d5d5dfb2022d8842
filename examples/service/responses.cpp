// SPDX-License-Identifier: Apache-2.0
#include "responses.hpp"

#include <charconv>
#include <utility>

namespace service {

Response make_response(const Request& request, http::status status, std::string body, std::string_view type) {
    Response response(status, request.version());
    response.set(http::field::server, "service");
    response.set(http::field::content_type, type);
    response.keep_alive(request.keep_alive());
    response.body() = std::move(body);
    response.prepare_payload();
    return response;
}

Response refuse_method(const Request& request, std::string_view allowed) {
    Response response = make_response(request, http::status::method_not_allowed, "method not allowed\n");
    response.set(http::field::allow, allowed);
    return response;
}

unsigned number_in_query(std::string_view target, std::string_view name, unsigned otherwise, unsigned most) {
    const std::size_t begin = target.find('?');
    std::string_view rest = begin == target.npos ? std::string_view() : target.substr(begin + 1);
    while (!rest.empty()) {
        const std::string_view pair = rest.substr(0, rest.find('&'));
        rest.remove_prefix(pair.size() < rest.size() ? pair.size() + 1 : rest.size());
        if (!pair.starts_with(name) || pair.substr(name.size(), 1) != "=") continue;
        const std::string_view text = pair.substr(name.size() + 1);
        unsigned number = 0;
        const auto end = std::from_chars(text.data(), text.data() + text.size(), number);
        return end.ec == std::errc() && end.ptr == text.data() + text.size() && number <= most ? number : otherwise;
    }
    return otherwise;
}

std::string_view path_of(std::string_view target) { return target.substr(0, target.find('?')); }

}  // namespace service
