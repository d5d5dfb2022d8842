// SPDX-License-Identifier: Apache-2.0
#include "file_route.hpp"

#include <array>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>
#include <utility>

namespace service {

namespace {

std::string_view type_of(const std::filesystem::path& file) {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 8> types = {{
        {".html", "text/html; charset=utf-8"},
        {".css", "text/css"},
        {".js", "text/javascript"},
        {".json", "application/json"},
        {".png", "image/png"},
        {".jpg", "image/jpeg"},
        {".svg", "image/svg+xml"},
        {".txt", "text/plain; charset=utf-8"},
    }};
    for (const auto& [ending, type] : types) {
        if (file.extension() == ending) return type;
    }
    return "application/octet-stream";
}

bool lies_below(const std::filesystem::path& file, const std::filesystem::path& folder) {
    const auto relative = file.lexically_relative(folder);
    return !relative.empty() && *relative.begin() != "..";
}

}  // namespace

Response serve_file(const Request& request, const std::filesystem::path& folder, std::string_view name) {
    const auto refused = [&] { return make_response(request, http::status::not_found, "no such file\n"); };
    std::error_code error;
    const auto root = std::filesystem::canonical(folder, error);
    if (error) return refused();
    const auto file = std::filesystem::canonical(root / name, error);
    if (error || !lies_below(file, root) || !std::filesystem::is_regular_file(file, error)) return refused();
    std::ifstream stream(file, std::ios::binary);
    if (!stream) return refused();
    std::string body{std::istreambuf_iterator<char>(stream), {}};
    return make_response(request, http::status::ok, std::move(body), type_of(file));
}

}  // namespace service
