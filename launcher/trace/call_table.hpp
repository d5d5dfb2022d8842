// SPDX-License-Identifier: Apache-2.0
// What there is to know of each system call in order to print it.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include <husk/abi/call_argument.hpp>

namespace husk::trace {

struct CallShape {
    std::string_view name;  // empty: Linux has no call of that number
    abi::CallResult result = abi::CallResult::number;
    std::array<abi::Argument, 6> arguments{};  // up to the first `none`
};

// A call that call_arguments.def does not know takes six addresses.
[[nodiscard]] CallShape shape_of(std::uint16_t number);

}  // namespace husk::trace
