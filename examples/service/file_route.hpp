// SPDX-License-Identifier: Apache-2.0
// Files below one folder, as answers.
#pragma once

#include <filesystem>
#include <string_view>

#include "responses.hpp"

namespace service {

// 404 for what is not a readable regular file below `folder`; links may not lead out of it.
Response serve_file(const Request& request, const std::filesystem::path& folder, std::string_view name);

}  // namespace service
