// SPDX-License-Identifier: Apache-2.0
// The one exception of the image tool: a sentence that says what it cannot serve and what to do about it.
#pragma once

#include <stdexcept>

namespace husk::toolchain {

class Error : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

}  // namespace husk::toolchain
