// SPDX-License-Identifier: Apache-2.0
// signalfd(2): pending signals that are read instead of delivered.
#pragma once

#include <atomic>
#include <cstdint>

#include "guest-runtime/fs/file.hpp"

namespace husk::fs {

class SignalFile final : public File {
public:
    SignalFile(RefPtr<Inode> inode, std::uint32_t flags, std::uint64_t mask)
        : File(FileKind::signal, std::move(inode), flags | open_flag::read_write), mask_(mask) {}

    void set_mask(std::uint64_t mask) { mask_.store(mask, std::memory_order_relaxed); }
    Result<std::size_t> read(IoBuffer& to, std::optional<std::uint64_t> offset) override;
    // As in Linux, without an effect.
    Result<std::uint64_t> seek(std::int64_t, int) override { return 0; }
    unsigned poll(unsigned wanted) override;
    thread::WaitQueue* wait_queue() override;

private:
    std::atomic<std::uint64_t> mask_;
};

Result<RefPtr<File>> make_signal_file(std::uint64_t mask, std::uint32_t flags);

}  // namespace husk::fs
