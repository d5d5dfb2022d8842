// SPDX-License-Identifier: Apache-2.0
// Ends the reading of an image with a sentence about it.
#pragma once

#include <string>
#include <string_view>

#include "launcher/config/text.hpp"
#include "launcher/host/error.hpp"

namespace husk::image {

// "<name> <what is wrong; what to do>": each {} of `text` is replaced by the next value.
template <class... Values>
[[noreturn]] void refuse(host::ExitCode code, std::string_view name, std::string_view text, const Values&... values) {
    throw host::Error(code, std::string(name) + " " + config::fill_in(text, values...));
}

}  // namespace husk::image
