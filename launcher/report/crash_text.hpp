// SPDX-License-Identifier: Apache-2.0
// What the user reads when the application or the runtime died.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "launcher/host/file_descriptor.hpp"
#include "launcher/report/backtrace.hpp"
#include "launcher/report/crash.hpp"
#include "launcher/report/guest_pages.hpp"

namespace husk::report {

// As it stands in the source, where the name is a mangled one.
[[nodiscard]] std::string demangle(const std::string& name);

// "SIGSEGV at address 0x0 (address not mapped) in thread 1 (app)", and the message of the record.
[[nodiscard]] std::string describe_cause(const Crash& crash);

// The general registers, four to a line.
[[nodiscard]] std::string describe_registers(const abi::CrashRegisters& registers);

// One line a frame with names and lines from the image; a call that repeats and the middle of a long chain are summed
// up.
[[nodiscard]] std::string describe_calls(const abi::CrashThread& thread, const GuestPages& pages,
                                         const host::FileDescriptor& image);

inline constexpr std::size_t first_lines_max = 40;
inline constexpr std::size_t last_lines_max = 20;

// The pure part of describe_calls.
[[nodiscard]] std::string list_frames(const Backtrace& backtrace,
                                      const std::function<std::string(const Frame&)>& describe);

}  // namespace husk::report
