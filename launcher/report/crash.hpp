// SPDX-License-Identifier: Apache-2.0
// A guest's crash record, copied out of its memory with every count bounded.
#pragma once

#include <string>
#include <vector>

#include <husk/abi/crash_record.hpp>

#include "launcher/memory/guest_memory.hpp"

namespace husk::report {

inline constexpr std::uint32_t threads_max = 4096;
inline constexpr std::uint32_t mappings_max = 60'000;  // of a core file without extended numbering [elf PN_XNUM]
inline constexpr std::uint32_t message_bytes_max = 4096;

struct Crash {
    abi::CrashRecord record{};
    std::vector<abi::CrashThread> threads;    // the first is the one that died; empty: the record had none
    std::vector<abi::CrashMapping> mappings;  // page-aligned, by address, apart from each other
    std::string message;                      // printable
    bool damaged = false;                     // parts of the record pointed outside guest memory or made no sense
};

[[nodiscard]] Crash read_crash(const abi::CrashRecord& record, const memory::GuestMemory& memory);

// Control characters other than newline and tab become '?': a guest must not drive the user's terminal.
[[nodiscard]] std::string make_printable(std::string_view text);

// The thread's name, printable.
[[nodiscard]] std::string thread_name(const abi::CrashThread& thread);

}  // namespace husk::report
