// SPDX-License-Identifier: Apache-2.0
// An ELF core of a dead guest, for gdb.
#pragma once

#include <filesystem>
#include <string>

#include "launcher/image/image.hpp"
#include "launcher/report/core_notes.hpp"
#include "launcher/report/crash.hpp"
#include "launcher/report/guest_pages.hpp"

namespace husk::report {

// Pages that the guest never had are holes in the file. `memory_bytes` bounds what is written: mappings that show the
// same frames over and over are cut short. Throws host::Error (host_failure).
void write_core_file(const std::filesystem::path& path, const Crash& crash, const GuestPages& pages,
                     std::span<const std::byte> notes, std::uint64_t memory_bytes);

}  // namespace husk::report
