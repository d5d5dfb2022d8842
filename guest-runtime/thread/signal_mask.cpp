// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/thread/signal_mask.hpp"

#include "guest-runtime/thread/signal_state.hpp"
#include "guest-runtime/thread/thread.hpp"

namespace husk::thread {

TemporaryMask::TemporaryMask(std::uint64_t mask) {
    Thread& self = current();
    self.saved_mask = self.blocked.load();
    set_blocked(mask);
}

// The mask itself comes back in deliver_signals(): a signal that the temporary mask let in must find it still open.
TemporaryMask::~TemporaryMask() { current().work.fetch_or(work::restore_mask); }

}  // namespace husk::thread
