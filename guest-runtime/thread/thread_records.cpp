// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/thread/thread_records.hpp"

#include <husk/abi/machine.hpp>
#include <husk/abi/memory_layout.hpp>
#include <husk/abi/stop_record.hpp>

#include "guest-runtime/arch/cpu.hpp"
#include "guest-runtime/base/string.hpp"
#include "guest-runtime/thread/thread.hpp"

namespace husk::thread {

namespace {

constexpr std::uint32_t max_threads = 1024;

// In the image's bss, whose gpa is its address: pages of it that no one touches cost nothing. It lies behind the rest
// of it (runtime.ld).
[[gnu::section(".bss.late")]] constinit abi::CrashThread records[max_threads]{};
constinit std::uint32_t record_count = 0;

void fill(abi::CrashThread& record, const Thread& thread, const arch::Context& context) {
    bool is_self = &thread == &current();
    record.tid = thread.tid;
    record.wishes = 0;
    memcpy(record.name, thread.name, sizeof record.name);
    if (is_self) arch::save_vector_state(thread.vector_area);
    // SAFETY: vector areas come from the heap, which lies in the physmap.
    record.xsave_gpa = reinterpret_cast<std::uint64_t>(thread.vector_area) - abi::physmap_base;
    static_assert(sizeof(arch::Context) <= sizeof(abi::CrashRegisters));
    memcpy(&record.registers, &context, sizeof context);
    record.registers.rflags &= ~abi::trap_flag;  // ours, not the application's
    record.registers.fs_base = is_self ? arch::read_fs_base() : thread.fs_base;
}

void take_registers(const abi::CrashThread& record, Thread& thread, arch::Context& context) {
    const arch::Context before = context;
    memcpy(&context, &record.registers, sizeof context);
    // Selectors and the flags that are the runtime's stay as they are.
    constexpr std::uint64_t application_flags = 0x254dd5;  // CF PF AF ZF SF TF DF OF NT RF AC ID
    context.cs = before.cs;
    context.ss = before.ss;
    context.rflags = (before.rflags & ~application_flags) | (context.rflags & application_flags);
    thread.fs_base = record.registers.fs_base;
    if (&thread == &current()) {
        arch::write_fs_base(thread.fs_base);
        arch::restore_vector_state(thread.vector_area);
    }
}

void obey(const abi::CrashThread& record, Thread& thread, arch::Context& context) {
    if ((record.wishes & abi::wish::take_registers) != 0) take_registers(record, thread, context);
    context.rflags &= ~abi::trap_flag;
    if ((record.wishes & abi::wish::single_step) != 0) context.rflags |= abi::trap_flag;
    // Only `iretq` brings them all, on the way out of a system call.
    if (record.wishes != 0) thread.work.fetch_or(work::full_restore, std::memory_order_relaxed);
}

}  // namespace

std::span<abi::CrashThread> record_threads(const arch::Context* context) {
    record_count = 0;
    if (context != nullptr) fill(records[record_count++], current(), *context);
    for (Thread& thread : all_threads().threads) {
        if (context != nullptr && &thread == &current()) continue;
        if (record_count < max_threads) fill(records[record_count++], thread, thread.context());
    }
    return {records, record_count};
}

// SAFETY: an address only; the image is mapped where it lies.
std::uint64_t thread_records_gpa() { return reinterpret_cast<std::uint64_t>(records); }

void obey_thread_records(arch::Context* context) {
    std::uint32_t index = 0;
    if (context != nullptr) obey(records[index++], current(), *context);
    for (Thread& thread : all_threads().threads) {
        if (context != nullptr && &thread == &current()) continue;
        if (index < record_count) obey(records[index++], thread, thread.context());
    }
}

}  // namespace husk::thread
