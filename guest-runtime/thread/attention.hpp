// SPDX-License-Identifier: Apache-2.0
// What the launcher wants of a vCPU: ticks, signals from outside, console readiness.
#pragma once

namespace husk::thread {

// Takes the mailbox's attention bits and acts on them, except that it does not switch threads. Returns true when a time
// slice is over.
bool take_attention();
// Whether there are any.
[[nodiscard]] bool wants_attention();

}  // namespace husk::thread
