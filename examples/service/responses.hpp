// SPDX-License-Identifier: Apache-2.0
// The short answers that every route gives the same way.
#pragma once

#include <boost/beast/http.hpp>
#include <string>
#include <string_view>

namespace service {

namespace http = boost::beast::http;

using Request = http::request<http::string_body>;
using Response = http::response<http::string_body>;

Response make_response(const Request& request, http::status status, std::string body,
                       std::string_view type = "text/plain; charset=utf-8");

// 405 that names what would be allowed.
Response refuse_method(const Request& request, std::string_view allowed);

// The value of NAME in "?a=1&NAME=...", or `otherwise`; `otherwise` also for what is no number up to `most`.
unsigned number_in_query(std::string_view target, std::string_view name, unsigned otherwise, unsigned most);

// The target without its query.
std::string_view path_of(std::string_view target);

}  // namespace service
