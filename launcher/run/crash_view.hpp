// SPDX-License-Identifier: Apache-2.0
// A crash or stop record out of guest memory, checked.
#pragma once

#include <optional>

#include <husk/abi/crash_record.hpp>
#include <husk/abi/guest_address.hpp>
#include <husk/abi/stop_record.hpp>

#include "launcher/memory/guest_memory.hpp"

namespace husk::run {

// The record at `at`. A part of it that does not lie in RAM, or is absurdly long, is left out by setting its count to
// 0. Nothing when the record itself is not RAM or of no known kind.
[[nodiscard]] std::optional<abi::CrashRecord> try_read_crash_record(const memory::GuestMemory& memory,
                                                                    abi::GuestPhys at);

// The same for a stop; nothing when it is not wholly RAM or of no known reason.
[[nodiscard]] std::optional<abi::StopRecord> try_read_stop_record(const memory::GuestMemory& memory, abi::GuestPhys at);

}  // namespace husk::run
