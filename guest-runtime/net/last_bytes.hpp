// SPDX-License-Identifier: Apache-2.0
// What a process has sent still arrives after its end on Linux, where the kernel lives on. Here the VM waits for it.
#pragma once

namespace husk::net {

// Closes the application's descriptors, as its end does, and waits until peers have what was sent, for a few seconds.
// In the dying thread.
void deliver_last_bytes();

}  // namespace husk::net
