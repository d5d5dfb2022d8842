// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/thread/death.hpp"

#include <husk/abi/boot_info.hpp>
#include <husk/abi/crash_record.hpp>
#include <husk/abi/memory_layout.hpp>

#include "guest-runtime/arch/cpu.hpp"
#include "guest-runtime/base/format.hpp"
#include "guest-runtime/base/panic.hpp"
#include "guest-runtime/base/platform.hpp"
#include "guest-runtime/base/spin.hpp"
#include "guest-runtime/base/spinlock.hpp"
#include "guest-runtime/base/string.hpp"
#include "guest-runtime/memory/address_space.hpp"
#include "guest-runtime/thread/last_calls.hpp"
#include "guest-runtime/thread/peer_requests.hpp"
#include "guest-runtime/thread/scheduler.hpp"
#include "guest-runtime/thread/thread.hpp"
#include "guest-runtime/thread/thread_records.hpp"

namespace husk::thread {

namespace {

constexpr std::uint32_t max_mappings = 4096;

// In the image's bss, whose gpa is its address: pages of it that no one touches cost nothing. The tables lie behind the
// rest of it (runtime.ld).
constinit abi::CrashRecord record{};
[[gnu::section(".bss.late")]] constinit abi::CrashMapping mappings[max_mappings]{};
constinit char message[512];
constexpr std::uint32_t nobody = ~0u;
constinit std::atomic<std::uint32_t> dying_vcpu = nobody;  // where the record is being written
// Of another vCPU that is asked to stand still: it may be far from the next place where it looks.
constexpr std::uint64_t stop_patience_ns = 200'000'000;
constexpr unsigned max_exit_hooks = 4;
constinit Spinlock exit_hook_lock;  // of those who add
constinit std::array<void (*)(), max_exit_hooks> exit_hooks{};
constinit std::atomic<unsigned> exit_hook_count = 0;

template <class T>
std::uint64_t gpa(const T& object) {
    // SAFETY: an address only; the image is mapped where it lies.
    return reinterpret_cast<std::uint64_t>(&object);
}

// Once; a second thread that wants to end the VM waits for the first one's end.
void run_exit_hooks() {
    unsigned count = exit_hook_count.load(std::memory_order_acquire);
    if (count == 0) return;
    end_calls();
    for (unsigned i = 0; i < count; ++i) exit_hooks[i]();
}

// True for the first vCPU on which something dies, and never again. One that dies while another writes its record
// stands still; the same one again: false.
bool begin_record() {
    std::uint32_t self = vcpu_index();
    std::uint32_t who = nobody;
    if (dying_vcpu.compare_exchange_strong(who, self)) return true;
    if (who == self) return false;
    for (;;) spin_once();
}

struct MappingWriter final : memory::RangeVisitor {
    std::uint32_t count = 0;
    void visit(std::uint64_t begin, std::uint64_t end, memory::Protection protection, bool, const char*) override {
        if (count < max_mappings) mappings[count++] = {begin, end, protection, 0};
    }
};

}  // namespace

void add_exit_hook(void (*hook)()) {
    Guard guard(exit_hook_lock);
    unsigned count = exit_hook_count.load(std::memory_order_relaxed);
    for (unsigned i = 0; i < count; ++i) {
        if (exit_hooks[i] == hook) return;
    }
    check(count < max_exit_hooks, "too many exit hooks");
    exit_hooks[count] = hook;
    exit_hook_count.store(count + 1, std::memory_order_release);
}

void exit_process(int status) {
    run_exit_hooks();
    platform::exit(status & 0xff, 0);
}

void die_of_signal(const SignalInfo& info, const arch::Context& context, bool with_record) {
    if (with_record && begin_record()) {
        // First, since it takes a lock that nobody may hold who stands still.
        MappingWriter writer;
        memory::visit_ranges(writer);
        stop_others(stop_patience_ns);
        // No lock: nothing may stand between a dying application and its record.
        const std::span<const abi::CrashThread> threads = record_threads(&context);
        record.kind = abi::CrashKind::signal;
        record.signal = static_cast<std::uint32_t>(info.number);
        record.signal_code = info.code;
        record.fault_address = info.code > 0 ? info.fault.address : 0;
        record.thread_count = static_cast<std::uint32_t>(threads.size());
        record.threads_gpa = thread_records_gpa();
        record.mapping_count = writer.count;
        record.mappings_gpa = gpa(mappings);
        platform::crash(record);
        // Hooks sleep, and may need what others hold.
        let_others_go_on();
    }
    run_exit_hooks();
    platform::exit(0, info.number);
}

}  // namespace husk::thread

namespace husk {

void panic(std::string_view what, CodePlace where) {
    using namespace thread;
    if (!begin_record()) platform::exit(1, 0);
    constexpr std::uint64_t short_patience_ns = 20'000'000;  // the others may wait for this one
    stop_others(short_patience_ns);
    TextWriter text(message);
    text.text(what).text(" (").text(where.file).text(":").decimal(where.line).text(")");
    record.kind = abi::CrashKind::panic;
    record.message_bytes = static_cast<std::uint32_t>(text.view().size());
    record.message_gpa = gpa(message);
    platform::crash(record);
    platform::exit(1, 0);
}

void log_line(std::string_view line) {
    static constinit Spinlock lock;
    static constinit char buffer[256];
    Guard guard(lock);
    TextWriter text(buffer);
    text.text(line);
    platform::log(text.view());
}

}  // namespace husk
