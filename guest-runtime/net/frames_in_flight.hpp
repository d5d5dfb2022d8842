// SPDX-License-Identifier: Apache-2.0
// Keeps memory that frames refer to until the devices have read them. All with the stack's lock held.
//
// A chunk of a TCP stream may be acknowledged while a copy of its segment still waits in a device's queue.
#pragma once

#include <cstdint>

namespace husk::net {

struct SendChunk;

void note_frame_begun();
void note_frame_done();
// Destroys `chunk` once every frame that was begun so far is done.
void retire(SendChunk* chunk);

}  // namespace husk::net
