// SPDX-License-Identifier: Apache-2.0
// The end of a wait for some time: where a signal interrupts it and no handler runs, the wait goes on to the same end
// [Linux: restart_block].
//
//   Deadline deadline = kept_or(Deadline::after_ns(ns));
//   if (interrupted) return keep(deadline);
#pragma once

#include "guest-runtime/base/errno.hpp"
#include "guest-runtime/thread/thread.hpp"

namespace husk::thread {

// What the call was interrupted with if it goes on, else `fresh`.
[[nodiscard]] inline Deadline kept_or(Deadline fresh) {
    const Thread& self = current();
    return self.is_going_on ? self.kept_deadline : fresh;
}

// What the interrupted call answers.
[[nodiscard]] inline Errno keep(Deadline deadline) {
    current().kept_deadline = deadline;
    return Errno::erestartblock;
}

}  // namespace husk::thread
