// SPDX-License-Identifier: Apache-2.0
// The platform under our own launcher: one doorbell for each call of platform.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <husk/abi/crash_record.hpp>
#include <husk/abi/stop_record.hpp>

#include "guest-runtime/base/result.hpp"

namespace husk::doorbells {

void wait(std::uint64_t timeout_ns);
void wake_vcpu(std::uint32_t index);
Result<std::size_t> console_read(std::span<std::byte> buffer);
Result<std::size_t> console_write(int stream, std::span<const std::byte> bytes);
unsigned console_poll(int stream, unsigned wanted);
void log(std::string_view line);
void crash(const abi::CrashRecord& record);
[[nodiscard]] std::int64_t stop(abi::StopRecord& record);
[[noreturn]] void exit(int status, int signal);

}  // namespace husk::doorbells
