// SPDX-License-Identifier: Apache-2.0
// The command line of the real compiler for a request.
#pragma once

#include "toolchain/wrapper/arguments.hpp"
#include "toolchain/wrapper/installation.hpp"

namespace husk::toolchain {

// `compiler` is the real compiler's name, with its own leading arguments if there are any ("ccache g++").
[[nodiscard]] Arguments compiler_command(const Arguments& compiler, const Request& request,
                                         const Installation& installation);

}  // namespace husk::toolchain
