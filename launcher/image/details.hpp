// SPDX-License-Identifier: Apache-2.0
// What people want to know about an image beyond what a run needs; libelf ends here.
#pragma once

#include <cstdint>
#include <optional>

#include "launcher/image/image.hpp"

namespace husk::image {

struct Details {
    std::optional<std::uint32_t> pvh_entry;  // for foreign VMMs
    bool symbols = false;                    // function names in backtraces
    bool line_numbers = false;               // built with -g
    bool unwind_table = false;               // backtraces and exceptions without a search
};

// Throws host::Error when libelf cannot read the file.
[[nodiscard]] Details read_details(const Image& image);

}  // namespace husk::image
