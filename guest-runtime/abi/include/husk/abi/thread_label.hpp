// SPDX-License-Identifier: Apache-2.0
// Which thread a vCPU runs, and where the application was when it entered the runtime: for a launcher that looks at a
// vCPU from outside.
#pragma once

#include <cstddef>
#include <cstdint>

#include <husk/abi/memory_layout.hpp>

namespace husk::abi {

// At the address in the word `current_thread_offset` of the vCPU's area.
struct ThreadLabel {
    std::uint32_t runtime_word;
    std::uint32_t tid;  // 0: a thread of the runtime's own; on the vCPU's boot stack it is the one that idles
    char name[16];      // NUL-terminated comm
};
static_assert(sizeof(ThreadLabel) == 24);

namespace vcpu_area {
inline constexpr std::uint64_t current_thread_offset = 1056;
}

// While the runtime is at work for a thread, the application's registers lie right below VcpuMailbox::upcall_stack, in
// the order of CrashRegisters up to ss.
inline constexpr std::uint64_t entered_registers_bytes = 21 * 8;

}  // namespace husk::abi
