// SPDX-License-Identifier: Apache-2.0
// The platform under our own launcher: one doorbell for each call of platform.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <husk/abi/boot_info.hpp>
#include <husk/abi/crash_record.hpp>
#include <husk/abi/stop_record.hpp>

#include "guest-runtime/base/result.hpp"

namespace husk::doorbells {

void wait(std::uint64_t timeout_ns);
void give_way();
void wake_vcpu(std::uint32_t index);
void interrupt_vcpu(std::uint32_t index);
Result<std::size_t> console_read(std::span<std::byte> buffer);
Result<std::size_t> console_write(int stream, std::span<const std::byte> bytes);
unsigned console_poll(int stream, unsigned wanted);
// Not on a kernel stack: the launcher wants to know where it lies.
Result<std::size_t> give_back(std::span<const abi::PhysRange> blocks);
void log(std::string_view line);
void trace(const void* ring, std::size_t size_bytes);
void crash(const abi::CrashRecord& record);
[[nodiscard]] std::int64_t stop(abi::StopRecord& record);
[[noreturn]] void exit(int status, int signal);

}  // namespace husk::doorbells
