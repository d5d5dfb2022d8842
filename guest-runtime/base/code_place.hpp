// SPDX-License-Identifier: Apache-2.0
// A line of the runtime's own sources. Not std::source_location: that also keeps the function's name, template
// arguments and all, which was 10 KiB of constants in each image.
#pragma once

#include <cstdint>

namespace husk {

struct CodePlace {
    const char* file = "";
    std::uint32_t line = 0;

    // As a default argument: where the call is.
    static constexpr CodePlace current(const char* file = __builtin_FILE(), std::uint32_t line = __builtin_LINE()) {
        return {file, line};
    }
};

}  // namespace husk
