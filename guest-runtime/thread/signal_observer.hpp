// SPDX-License-Identifier: Apache-2.0
// Who else wants to know of each signal that a thread takes.
#pragma once

#include "guest-runtime/thread/signal.hpp"

namespace husk::thread {

// Called by the thread before it acts on the signal; null: nobody. Set at boot only.
using SignalObserver = void (*)(const SignalInfo&);
inline constinit SignalObserver signal_observer = nullptr;

}  // namespace husk::thread
