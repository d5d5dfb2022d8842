// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/guest/memory/fake_machine.hpp"

#include <sys/mman.h>

#include <atomic>
#include <cstring>
#include <string>

#include <doctest/doctest.h>
#include <husk/abi/machine.hpp>
#include <husk/abi/memory_layout.hpp>

#include "guest-runtime/arch/page_table_gate.hpp"
#include "guest-runtime/base/panic.hpp"
#include "guest-runtime/base/platform.hpp"
#include "guest-runtime/memory/frames.hpp"
#include "guest-runtime/memory/initialise.hpp"
#include "guest-runtime/memory/kernel_stack.hpp"
#include "guest-runtime/memory/program_memory.hpp"

namespace husk {

void panic(std::string_view what, CodePlace) { throw test::Panic(std::string(what)); }
void log_line(std::string_view) {}

namespace {
test::FakeMachine* machine = nullptr;
}

void arch::write_page_table(abi::GuestPhys first, std::span<const std::uint64_t> entries, Flush, std::uint64_t) {
    REQUIRE(machine != nullptr);
    REQUIRE(first.is_aligned(8));
    REQUIRE(!entries.empty());
    REQUIRE(first.value % abi::page_size + entries.size_bytes() <= abi::page_size);
    machine->gate_calls.fetch_add(1, std::memory_order_relaxed);
    // Table pages must be out of reach of ring-3 writes before they hold entries.
    std::uint64_t mapping = machine->translate(abi::physmap(first).value).entry;
    REQUIRE((mapping & abi::pte::writable) == 0);
    // One after the other, as `rep movsq` does: another vCPU may walk through the table meanwhile.
    for (std::size_t i = 0; i < entries.size(); ++i) {
        std::atomic_ref(memory::frame_pointer<std::uint64_t>(first)[i]).store(entries[i], std::memory_order_release);
    }
}

// With one vCPU nobody has anything to flush or to be asked for.
void arch::flush_translations() {
    REQUIRE(bool(test::on_flush));
    test::on_flush();
}
void platform::interrupt_vcpu(std::uint32_t) { REQUIRE(bool(test::on_flush)); }

namespace test {

void (*on_flush)() = nullptr;

namespace {
constexpr std::uint64_t pool_begin = 64 << 10;
constexpr std::uint64_t pool_end = 1 << 20;
}  // namespace

FakeMachine::FakeMachine(std::uint64_t ram_bytes, bool ram_is_zero, std::uint64_t ready_break_pages,
                         std::uint64_t ready_stacks)
    : ram_bytes_(ram_bytes), next_table_(pool_begin + abi::page_size) {
    ram_ = ::mmap(nullptr, ram_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    REQUIRE(ram_ != MAP_FAILED);
    memory::hosted_ram_base = reinterpret_cast<std::uint64_t>(ram_);
    machine = this;
    if (!ram_is_zero) std::memset(memory::frame_pointer<void>({image_end}), 0xa5, ram_bytes - image_end);

    std::uint64_t leaf = abi::pte::present | abi::pte::user | abi::pte::accessed | abi::pte::dirty;
    for (std::uint64_t gpa = 0; gpa < ram_bytes; gpa += abi::large_page_size) {
        std::uint64_t writable = gpa == 0 ? 0 : abi::pte::writable;
        map_at_start(abi::physmap_base + gpa, gpa, leaf | writable | abi::pte::large | abi::pte::no_execute);
    }
    std::uint64_t ready_end = image_end + ready_break_pages * abi::page_size;
    for (std::uint64_t gpa = image_begin; gpa < ready_end; gpa += abi::page_size) {
        map_at_start(gpa, gpa, leaf | abi::pte::writable | abi::pte::no_execute);
    }
    std::uint64_t stack_frames = ram_bytes;
    for (std::uint64_t i = 0; i < ready_stacks; ++i) {
        for (std::uint64_t page = 1; page <= memory::kernel_stack_bytes / abi::page_size; ++page) {
            std::uint64_t va = memory::kernel_stack_begin(i) + page * abi::page_size;
            map_at_start(va, stack_frames -= abi::page_size, leaf | abi::pte::writable | abi::pte::no_execute);
        }
    }
    boot_.flags = ram_is_zero ? abi::boot_flag::ram_is_zero : 0;
    boot_.page_table_root = pool_begin;
    boot_.table_pool = {next_table_, pool_end};
    boot_.free_ranges[0] = {image_end, image_begin + abi::large_page_size};
    boot_.free_ranges[1] = {image_begin + abi::large_page_size, stack_frames};
    boot_.free_range_count = 2;
    boot_.seed[0] = 1;
    boot_.seed[3] = 77;
    memory::initialise(boot_);
    memory::ImageSegment segment{image_begin, image_end, memory::protection::read | memory::protection::write, true};
    REQUIRE(memory::adopt_image({&segment, 1}).ok());
    gate_calls = 0;
}

FakeMachine::~FakeMachine() {
    struct All final : memory::RangeVisitor {
        void visit(std::uint64_t begin, std::uint64_t end, memory::Protection, bool, const char*) override {
            last_begin = begin;
            last_end = end;
        }
        std::uint64_t last_begin = 0, last_end = 0;
    };
    // Ranges live in the RAM that goes away, and sources count their mappings.
    for (;;) {
        All all;
        memory::visit_ranges(all);
        if (all.last_end == 0) break;
        if (!memory::unmap(all.last_begin, all.last_end - all.last_begin).ok()) break;
    }
    machine = nullptr;
    ::munmap(ram_, ram_bytes_);
}

std::uint64_t& FakeMachine::word(std::uint64_t gpa) const {
    REQUIRE(gpa + 8 <= ram_bytes_);
    return *memory::frame_pointer<std::uint64_t>({gpa});
}

std::uint64_t FakeMachine::entry_at(std::uint64_t gpa) const {
    return std::atomic_ref(word(gpa)).load(std::memory_order_acquire);
}

void FakeMachine::map_at_start(std::uint64_t va, std::uint64_t gpa, std::uint64_t bits) {
    std::uint64_t table = pool_begin;
    unsigned leaf_level = (bits & abi::pte::large) != 0 ? 2 : 1;
    for (unsigned level = 4;; --level) {
        std::uint64_t& entry = word(table + 8 * (va >> (12 + 9 * (level - 1)) & 511));
        if (level == leaf_level) {
            entry = gpa | bits;
            return;
        }
        if (entry == 0) {
            entry = next_table_ | abi::pte::table;
            next_table_ += abi::page_size;
        }
        table = entry & abi::pte::address_mask;
    }
}

FakeMachine::Translation FakeMachine::translate(std::uint64_t va) const {
    std::uint64_t table = pool_begin;
    for (unsigned level = 4; level > 0; --level) {
        std::uint64_t shift = 12 + 9 * (level - 1);
        std::uint64_t entry = entry_at(table + 8 * (va >> shift & 511));
        if ((entry & abi::pte::present) == 0) return {0, 0};
        std::uint64_t target = entry & abi::pte::address_mask;
        if (level == 1 || (entry & abi::pte::large) != 0) return {entry, target + (va & ((1ull << shift) - 1))};
        table = target;
    }
    return {0, 0};
}

memory::FaultAnswer FakeMachine::write(std::uint64_t va, std::uint8_t value) {
    for (int attempt = 0; attempt < 3; ++attempt) {
        Translation found = translate(va);
        if ((found.entry & abi::pte::writable) != 0) {
            *memory::frame_pointer<std::uint8_t>({found.gpa}) = value;
            return memory::FaultAnswer::resolved;
        }
        memory::FaultAnswer answer = memory::handle_fault(va, {.write = true, .execute = false});
        if (answer != memory::FaultAnswer::resolved) return answer;
    }
    FAIL("a resolved fault comes again and again");
    return memory::FaultAnswer::not_mapped;
}

memory::FaultAnswer FakeMachine::read(std::uint64_t va, std::uint8_t& value) {
    for (int attempt = 0; attempt < 3; ++attempt) {
        if (auto byte = peek(va)) {
            value = *byte;
            return memory::FaultAnswer::resolved;
        }
        memory::FaultAnswer answer = memory::handle_fault(va, {.write = false, .execute = false});
        if (answer != memory::FaultAnswer::resolved) return answer;
    }
    FAIL("a resolved fault comes again and again");
    return memory::FaultAnswer::not_mapped;
}

std::optional<std::uint8_t> FakeMachine::peek(std::uint64_t va) const {
    Translation found = translate(va);
    if (found.entry == 0) return std::nullopt;
    return *memory::frame_pointer<std::uint8_t>({found.gpa});
}

}  // namespace test

}  // namespace husk
