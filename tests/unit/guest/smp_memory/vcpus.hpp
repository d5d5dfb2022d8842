// SPDX-License-Identifier: Apache-2.0
// Threads of the host that stand for vCPUs, each with translations that it remembers until it is asked to drop them.
#pragma once

#include <cstdint>
#include <thread>
#include <vector>

#include "guest-runtime/arch/vcpus.hpp"
#include "guest-runtime/base/spin.hpp"
#include "guest-runtime/memory/shootdown.hpp"
#include "tests/unit/guest/memory/fake_machine.hpp"

namespace husk::test {

inline constexpr std::uint32_t vcpus = 4;

// One page that a vCPU has translated; the gpa is used without a look at the page tables.
struct Translation {
    std::uint64_t va = 0, gpa = 0;
    bool is_writable = false;
};
inline thread_local Translation remembered;

// Runs body(vcpu) on all of them at once. An idle one, or one that has ended, need not be asked.
template <class Body>
void run_vcpus(Body body) {
    arch::initialise_vcpus(0, vcpus);
    on_flush = [] { remembered = {}; };
    hosted_spin = memory::shootdown::answer;
    for (std::uint32_t vcpu = 1; vcpu < vcpus; ++vcpu) arch::note_started(vcpu);
    std::vector<std::jthread> threads;
    for (std::uint32_t vcpu = 0; vcpu < vcpus; ++vcpu) {
        threads.emplace_back([&body, vcpu] {
            arch::hosted_vcpu = vcpu;
            memory::shootdown::leave_idle();
            body(vcpu);
            remembered = {};
            memory::shootdown::enter_idle();
        });
    }
}

// What the application does with a byte, by a remembered translation where there is one. False: a fault that the
// runtime does not resolve.
inline bool store(const FakeMachine& machine, std::uint64_t va, std::uint8_t value) {
    memory::shootdown::answer();
    for (;;) {
        if (remembered.va != va || !remembered.is_writable) {
            auto [entry, gpa] = machine.translate(va);
            remembered = {entry != 0 ? va : 0, gpa, (entry & abi::pte::writable) != 0};
        }
        if (remembered.va == va && remembered.is_writable) {
            *memory::frame_pointer<std::uint8_t>({remembered.gpa}) = value;
            return true;
        }
        if (memory::handle_fault(va, {.write = true, .execute = false}) != memory::FaultAnswer::resolved) return false;
    }
}

}  // namespace husk::test
