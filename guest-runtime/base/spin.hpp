// SPDX-License-Identifier: Apache-2.0
// One round of a loop that waits for another vCPU.
#pragma once

namespace husk {

#if __STDC_HOSTED__
// Unit tests: what a thread that stands for a vCPU answers meanwhile.
inline void (*hosted_spin)() = nullptr;
inline void spin_once() {
    __builtin_ia32_pause();
    if (hosted_spin != nullptr) hosted_spin();
}
#else
// Answers what other vCPUs ask of this one meanwhile (thread/peer_requests.cpp): whoever waits, with whatever lock
// held, is in nobody's way.
void spin_once();
#endif

}  // namespace husk
