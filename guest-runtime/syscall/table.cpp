// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/syscall/table.hpp"

#include <array>
#include <atomic>
#include <string_view>

#include "guest-runtime/arch/entry.hpp"
#include "guest-runtime/base/format.hpp"
#include "guest-runtime/base/panic.hpp"
#include "guest-runtime/syscall/handlers.hpp"
#include "guest-runtime/thread/syscall_restart.hpp"

namespace husk::sys {

namespace {

struct Row {
    std::uint16_t number;
    Handler handler;
};

SysResult sys_missing(const Call& call) { return husk_unknown_syscall(&const_cast<Call&>(call)); }

constexpr Row rows[] = {
#define HUSK_SYSCALL(number, name, handler) {number, handler},
#include <husk/abi/linux_calls.def>
};

constexpr std::array<Handler, SYSCALL_COUNT> handlers_by_number() {
    std::array<Handler, SYSCALL_COUNT> handlers{};
    for (Handler& handler : handlers) handler = sys_missing;
    for (const Row& row : rows) handlers[row.number] = row.handler;
    return handlers;
}

// Numbers, and names with a NUL behind each, in the same order: half of what pointers to names would take.
constexpr std::uint16_t numbers[] = {
#define HUSK_SYSCALL(number, name, handler) number,
#include <husk/abi/linux_calls.def>
};
constexpr char names[] =
#define HUSK_SYSCALL(number, name, handler) #name "\0"
#include <husk/abi/linux_calls.def>
    ;

// One bit for each number that was named already.
constinit std::array<std::atomic<std::uint64_t>, SYSCALL_COUNT / 64 + 1> named{};

}  // namespace

const char* call_name(std::uint64_t number) {
    const char* name = names;
    for (std::uint16_t known : numbers) {
        if (known == number) return name;
        name += std::string_view(name).size() + 1;
    }
    return "unknown";
}

}  // namespace husk::sys

constinit const std::array<husk::sys::Handler, SYSCALL_COUNT> husk_syscall_table = husk::sys::handlers_by_number();

extern "C" long husk_unknown_syscall(husk::arch::Context* context) {
    using namespace husk;
    constexpr long not_there = -static_cast<long>(Errno::enosys);
    std::uint64_t number = context->orig_rax;
    std::uint64_t slot = number < SYSCALL_COUNT ? number : SYSCALL_COUNT;
    std::uint64_t bit = 1ull << (slot % 64);
    if (!log_is_wanted() || (sys::named[slot / 64].fetch_or(bit) & bit) != 0) return not_there;
    char buffer[96];
    TextWriter text(buffer);
    text.text("system call ").decimal(number).text(" (").text(sys::call_name(number)).text(") is not there: ENOSYS");
    log_line(text.view());
    return not_there;
}

namespace husk::thread {

void run_syscall_again(arch::Context& context) {
    std::uint64_t number = context.orig_rax;
    // SAFETY: a Call is a Context with accessors and nothing else.
    auto& call = static_cast<sys::Call&>(context);
    sys::Handler handler = number < SYSCALL_COUNT ? husk_syscall_table[number] : sys::sys_missing;
    context.rax = static_cast<std::uint64_t>(handler(call).raw());
}

}  // namespace husk::thread
