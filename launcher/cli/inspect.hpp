// SPDX-License-Identifier: Apache-2.0
// `husk inspect`: what an image is and what it needs.
#pragma once

#include <string>

#include "launcher/cli/command.hpp"

namespace husk::cli {

// A table for people, or one JSON object. Throws host::Error when it is not an image.
[[nodiscard]] std::string inspect_image(const InspectCommand& command);

}  // namespace husk::cli
