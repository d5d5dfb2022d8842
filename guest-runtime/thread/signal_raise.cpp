// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/thread/signal_raise.hpp"

#include "guest-runtime/thread/signal_state.hpp"
#include "guest-runtime/thread/thread.hpp"

namespace husk::thread {

namespace {

void raise(int number) { send_to_thread(current(), sender_info(number, si_user)); }

}  // namespace

void raise_sigpipe() { raise(signal_number::pipe); }
void raise_sigxfsz() { raise(signal_number::xfsz); }

}  // namespace husk::thread
