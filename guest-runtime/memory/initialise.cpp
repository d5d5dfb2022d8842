// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/memory/initialise.hpp"

#include "guest-runtime/memory/frames.hpp"
#include "guest-runtime/memory/kernel_stack.hpp"
#include "guest-runtime/memory/space.hpp"

namespace husk::memory {

void initialise(const abi::BootInfo& boot) {
    bool ram_is_zero = (boot.flags & abi::boot_flag::ram_is_zero) != 0;
    initialise_frames({boot.free_ranges, boot.free_range_count}, ram_is_zero);
    space.initialise(boot);
    initialise_kernel_stacks();
}

}  // namespace husk::memory
