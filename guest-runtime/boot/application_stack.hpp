// SPDX-License-Identifier: Apache-2.0
// The stack that the application's first instruction finds: argc, argv, environment and auxiliary vector.
#pragma once

#include <cstdint>

#include "guest-runtime/boot/boot_info_reader.hpp"

namespace husk::boot {

// Where the application begins and with which stack pointer [sysv-abi 3.4.1].
struct ApplicationStart {
    std::uint64_t rip;
    std::uint64_t rsp;
};

// Maps the main thread's stack and fills it. E2BIG when arguments and environment are more than a quarter of it.
Result<ApplicationStart> build_application_stack(const BootView& boot);

// The bytes of the auxiliary vector as the application got it, for /proc/self/auxv.
std::span<const std::byte> auxiliary_vector();

}  // namespace husk::boot
