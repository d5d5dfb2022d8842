// SPDX-License-Identifier: Apache-2.0
// How long this process waits for those who read its output: for ever, until it is told to end.
#pragma once

namespace husk::host {

// From now on it is another second, for all output together; again has no effect. Any thread; async-signal-safe.
void limit_patience();

[[nodiscard]] bool has_patience();

}  // namespace husk::host
