// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/memory/kernel_stack.hpp"

#include <doctest/doctest.h>
#include <husk/abi/machine.hpp>

#include "tests/unit/guest/memory/fake_machine.hpp"

namespace husk::memory {

TEST_CASE("kernel stacks come in batches, with guards that nothing maps") {
    test::FakeMachine machine(64 << 20);
    std::uint64_t first = allocate_kernel_stack().value();
    std::uint64_t second = allocate_kernel_stack().value();
    std::uint64_t calls = machine.gate_calls;
    for (std::uint64_t i = 2; i < 5; ++i) {
        CHECK(allocate_kernel_stack().value() == first + i * kernel_stack_stride_bytes);
    }
    CHECK(machine.gate_calls == calls);
    CHECK(second == first + kernel_stack_stride_bytes);
    for (std::uint64_t top : {first, second}) {
        std::uint64_t entry = machine.translate(top - 8).entry;
        CHECK((entry & abi::pte::writable) != 0);
        CHECK((entry & abi::pte::no_execute) != 0);
        CHECK(machine.translate(top - kernel_stack_bytes).entry != 0);
        CHECK(machine.translate(top - kernel_stack_bytes - 1).entry == 0);
        CHECK(is_kernel_stack_guard(top - kernel_stack_bytes - 1));
        CHECK(!is_kernel_stack_guard(top - kernel_stack_bytes));
    }
    release_kernel_stack(first);
    CHECK_THROWS_AS(release_kernel_stack(first), test::Panic);
    CHECK(allocate_kernel_stack().value() == first);
}

TEST_CASE("hundreds of kernel stacks keep their guards across page tables") {
    test::FakeMachine machine(64 << 20);
    for (std::uint64_t i = 0; i < 300; ++i) {
        std::uint64_t top = allocate_kernel_stack().value();
        CHECK(top == kernel_stack_begin(i) + kernel_stack_stride_bytes);
        CHECK(machine.translate(top - 1).entry != 0);
        CHECK(machine.translate(top - kernel_stack_bytes).entry != 0);
        CHECK(machine.translate(top - kernel_stack_bytes - 1).entry == 0);
    }
}

}  // namespace husk::memory
