// SPDX-License-Identifier: Apache-2.0
// Turns the image's `syscall` and `cpuid` sites into jumps, where no launcher has done it.
#pragma once

namespace husk::boot::pvh {

// While the image's text is still writable. Ends the boot when the table cannot be right.
void apply_patches();

}  // namespace husk::boot::pvh
