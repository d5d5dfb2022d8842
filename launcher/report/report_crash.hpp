// SPDX-License-Identifier: Apache-2.0
// Everything that happens when a guest has died: the text on stderr and the core file.
#pragma once

#include <husk/abi/crash_record.hpp>
#include <husk/abi/guest_address.hpp>

#include "launcher/config/launch_config.hpp"
#include "launcher/image/image.hpp"
#include "launcher/memory/guest_memory.hpp"
#include "launcher/report/core_notes.hpp"

namespace husk::report {

// What to report from; the guest stands still meanwhile.
struct DeadGuest {
    const abi::CrashRecord& record;
    const memory::GuestMemory& memory;
    abi::GuestPhys page_table_root;
};

// `layout` is that of the guest's XSAVE images. Never throws for what the guest or the image hold; a core file that
// cannot be written is one line on stderr.
void report_crash(const DeadGuest& guest, const image::Image& image, const config::LaunchConfig& config,
                  const XsaveLayout& layout);

}  // namespace husk::report
