// SPDX-License-Identifier: Apache-2.0
// When lwIP's periodic work is due: only while there is some, so that an idle VM sleeps.
#pragma once

namespace husk::net {

// Arms the timer for what is under way. With the stack's lock held.
void set_stack_timer();
// An interface other than loopback has come up or changed: address resolution and its kin begin.
void note_interface_change();

}  // namespace husk::net
