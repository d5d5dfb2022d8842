// SPDX-License-Identifier: Apache-2.0
// stdin, stdout and stderr as files.
#pragma once

#include "guest-runtime/fs/file.hpp"

namespace husk::fs {

class ConsoleFile final : public File {
public:
    ConsoleFile(RefPtr<Inode> inode, std::uint32_t flags, int stream)
        : File(FileKind::console, std::move(inode), flags), stream_(stream) {}

    Result<std::size_t> read(IoBuffer& to, std::optional<std::uint64_t> offset) override;
    Result<std::size_t> write(IoBuffer& from, std::optional<std::uint64_t> offset) override;
    unsigned poll(unsigned wanted) override;
    thread::WaitQueue* wait_queue() override;
    Result<long> ioctl(std::uint64_t request, std::uint64_t argument) override;

private:
    int stream_;
};

// The inode of a stream; opening it gives one more description of the stream.
Result<RefPtr<Inode>> console_inode(int stream);
// /dev/tty and /dev/console: the stream that is a terminal, else ENXIO.
Result<RefPtr<File>> open_terminal(RefPtr<Inode> inode, std::uint32_t flags);

}  // namespace husk::fs
