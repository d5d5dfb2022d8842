// SPDX-License-Identifier: Apache-2.0
#include "launcher/debug/stopped_guest.hpp"

#include <algorithm>
#include <span>

#include <husk/abi/stop_record.hpp>

namespace husk::debug {

StoppedGuest::StoppedGuest(const memory::GuestMemory& memory, abi::GuestPhys page_table_root, abi::GuestPhys records,
                           std::uint32_t count, std::uint32_t xsave_bytes)
    : memory_(memory), pages_(memory, page_table_root), records_(records), xsave_bytes_(xsave_bytes), threads_(count) {
    if (!memory.copy_in(records, std::as_writable_bytes(std::span(threads_)))) threads_.clear();
}

bool StoppedGuest::has_thread(std::uint32_t tid) const {
    return std::ranges::find(threads_, tid, &abi::CrashThread::tid) != threads_.end();
}

abi::CrashThread* StoppedGuest::find(std::uint32_t tid) {
    const auto found = std::ranges::find(threads_, tid, &abi::CrashThread::tid);
    return found == threads_.end() ? nullptr : &*found;
}

std::optional<ThreadState> StoppedGuest::read_state(std::uint32_t tid) const {
    const auto found = std::ranges::find(threads_, tid, &abi::CrashThread::tid);
    if (found == threads_.end()) return std::nullopt;
    ThreadState state{found->registers, std::vector<std::byte>(xsave_bytes_)};
    if (found->xsave_gpa == 0 || !memory_.copy_in({found->xsave_gpa}, state.xsave)) state.xsave.clear();
    fill_initial_components(state.xsave);
    return state;
}

bool StoppedGuest::write_state(std::uint32_t tid, const ThreadState& state) {
    abi::CrashThread* thread = find(tid);
    if (thread == nullptr) return false;
    thread->registers = state.general;
    thread->wishes |= abi::wish::take_registers;
    return state.xsave.empty() || memory_.copy_out({thread->xsave_gpa}, state.xsave);
}

void StoppedGuest::let_step(std::uint32_t tid, bool steps) {
    abi::CrashThread* thread = find(tid);
    if (thread == nullptr) return;
    thread->wishes &= ~abi::wish::single_step;
    if (steps) thread->wishes |= abi::wish::single_step;
}

void StoppedGuest::write_back() const {
    // In RAM, as reading them has shown.
    static_cast<void>(memory_.copy_out(records_, std::as_bytes(std::span(threads_))));
}

}  // namespace husk::debug
