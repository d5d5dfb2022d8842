// SPDX-License-Identifier: Apache-2.0
// A VM's memory on the host: RAM, page tables as a launcher builds them, and an MMU in software.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <stdexcept>

#include <husk/abi/boot_info.hpp>

#include "guest-runtime/memory/address_space.hpp"

namespace husk::test {

// What husk::panic() throws here.
struct Panic : std::logic_error {
    using std::logic_error::logic_error;
};

// What a vCPU does that is asked to drop its translations; null where there is only one.
extern void (*on_flush)();

// Layout: table pages in [64 KiB, 1 MiB), an image in [2 MiB, 2 MiB + 64 KiB), the rest is free. Building one starts
// the memory code afresh.
class FakeMachine {
public:
    // ready_break_pages, ready_stacks: what a launcher has mapped for the break and of kernel stacks.
    explicit FakeMachine(std::uint64_t ram_bytes, bool ram_is_zero = true, std::uint64_t ready_break_pages = 0,
                         std::uint64_t ready_stacks = 0);
    ~FakeMachine();
    FakeMachine(const FakeMachine&) = delete;
    FakeMachine& operator=(const FakeMachine&) = delete;

    static constexpr std::uint64_t image_begin = 2 << 20;
    static constexpr std::uint64_t image_end = image_begin + (64 << 10);

    [[nodiscard]] const abi::BootInfo& boot() const { return boot_; }

    // The entry that translates va, 0 where none is present, and the gpa.
    struct Translation {
        std::uint64_t entry;
        std::uint64_t gpa;
    };
    [[nodiscard]] Translation translate(std::uint64_t va) const;

    // Accesses as the application makes them: a fault is given to handle_fault; what is not resolved comes back.
    memory::FaultAnswer write(std::uint64_t va, std::uint8_t value);
    memory::FaultAnswer read(std::uint64_t va, std::uint8_t& value);
    // The byte where it is attached.
    [[nodiscard]] std::optional<std::uint8_t> peek(std::uint64_t va) const;

    std::atomic<std::uint64_t> gate_calls = 0;

private:
    [[nodiscard]] std::uint64_t& word(std::uint64_t gpa) const;
    [[nodiscard]] std::uint64_t entry_at(std::uint64_t gpa) const;
    void map_at_start(std::uint64_t va, std::uint64_t gpa, std::uint64_t bits);

    std::uint64_t ram_bytes_;
    std::uint64_t next_table_;
    abi::BootInfo boot_ = {};
    void* ram_ = nullptr;
};

}  // namespace husk::test
