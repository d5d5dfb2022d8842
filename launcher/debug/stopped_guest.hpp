// SPDX-License-Identifier: Apache-2.0
// A guest that stands still: its threads' registers, which can be changed, and its memory.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <husk/abi/crash_record.hpp>

#include "launcher/debug/registers.hpp"
#include "launcher/memory/guest_memory.hpp"
#include "launcher/report/guest_pages.hpp"

namespace husk::debug {

// Why it stands still, as GDB is told.
struct StopCause {
    int signal = 0;      // Linux's number
    std::string detail;  // "swbreak:;" or the like of a stop reply
};

class StoppedGuest final {
public:
    // The records lie in RAM (checked by whoever took them from the guest). xsave_bytes: of each thread's image.
    StoppedGuest(const memory::GuestMemory& memory, abi::GuestPhys page_table_root, abi::GuestPhys records,
                 std::uint32_t count, std::uint32_t xsave_bytes);

    [[nodiscard]] const report::GuestPages& pages() const { return pages_; }
    [[nodiscard]] const std::vector<abi::CrashThread>& threads() const { return threads_; }
    [[nodiscard]] bool has_thread(std::uint32_t tid) const;

    // Nothing when there is no such thread.
    [[nodiscard]] std::optional<ThreadState> read_state(std::uint32_t tid) const;
    // false: no such thread.
    [[nodiscard]] bool write_state(std::uint32_t tid, const ThreadState& state);

    // Whether the thread stops again behind its next instruction.
    void let_step(std::uint32_t tid, bool steps);

    // To the guest, before it goes on.
    void write_back() const;

private:
    [[nodiscard]] abi::CrashThread* find(std::uint32_t tid);

    const memory::GuestMemory& memory_;
    report::GuestPages pages_;
    abi::GuestPhys records_;
    std::uint32_t xsave_bytes_;
    std::vector<abi::CrashThread> threads_;
};

}  // namespace husk::debug
