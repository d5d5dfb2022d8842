// SPDX-License-Identifier: Apache-2.0
// What a vCPU did at one moment, copied out of the guest so that it can be looked at later.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <husk/abi/crash_record.hpp>

#include "launcher/run/run.hpp"

namespace husk::profile {

// Of a thread's stack that is copied. Callers further up are not seen.
inline constexpr std::size_t stack_bytes_max = 32 << 10;

// A piece of the guest's memory.
struct Slice {
    std::uint64_t begin = 0;
    std::string bytes;

    [[nodiscard]] std::optional<std::uint64_t> try_word(std::uint64_t address) const;
};

struct Sample {
    std::uint32_t tid = 0;  // 0: a thread of the runtime's own
    std::string thread_name;
    abi::CrashRegisters registers{};  // of the vCPU
    bool is_in_runtime = false;
    std::optional<abi::CrashRegisters> entered;  // the application's, while the runtime is at work for it
    Slice runtime_stack;
    Slice application_stack;

    [[nodiscard]] std::optional<std::uint64_t> try_word(std::uint64_t address) const;
};

// The runtime's text, as the image's note has it.
struct RuntimeText {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;

    [[nodiscard]] bool holds(std::uint64_t pc) const { return pc >= begin && pc < end; }
};

// Nothing: the vCPU idles.
[[nodiscard]] std::optional<Sample> try_take_sample(const run::SampleView& view, const RuntimeText& runtime);

// As one packet between processes of this launcher.
[[nodiscard]] std::string encode(const Sample& sample);
// Nothing when it is no sample.
[[nodiscard]] std::optional<Sample> decode(std::string_view bytes);

}  // namespace husk::profile
