// SPDX-License-Identifier: Apache-2.0
// Writes the boot-info record that our launcher would have written.
#pragma once

#include <cstdint>
#include <string_view>

#include "guest-runtime/boot/pvh_kernel_line.hpp"
#include "guest-runtime/boot/pvh_memory.hpp"

namespace husk::boot::pvh {

// Enough for the record of a machine whose command line has this length.
std::uint64_t boot_info_bytes(std::size_t kernel_line_bytes);

struct Facts {
    std::uint64_t page_table_root;
    abi::PhysRange table_pool;
    std::uint64_t tsc_hz;
    std::int64_t wall_clock_ns;  // now
};

// To the beginning of plan.boot_info, and a mailbox to that of each vCPU's area.
void write_boot_info(const MemoryPlan& plan, const KernelLine& line, const Facts& facts);

}  // namespace husk::boot::pvh
