// SPDX-License-Identifier: Apache-2.0
// Signals that a system call sends to its own thread.
#pragma once

namespace husk::thread {

void raise_sigpipe();
void raise_sigxfsz();

}  // namespace husk::thread
