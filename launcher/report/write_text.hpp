// SPDX-License-Identifier: Apache-2.0
// Text to a stream of the launcher, all of it, without stdio.
#pragma once

#include <string_view>

namespace husk::report {

// Gives up silently when the stream cannot take it, or patience is at its end: there is nowhere left to complain.
void write_text(int fd, std::string_view text);

// "husk: <sentence>" as a line on stderr.
void say(std::string_view sentence);

}  // namespace husk::report
