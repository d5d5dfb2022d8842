// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/base/user_memory.hpp"
#include "guest-runtime/fs/anonymous_inode.hpp"
#include "guest-runtime/fs/make_ref_as.hpp"
#include "guest-runtime/fs/pipe.hpp"
#include "guest-runtime/fs/terminal.hpp"
#include "guest-runtime/thread/signal_raise.hpp"

namespace husk::fs {

namespace {

// An open end; one opened with O_RDWR is both.
class PipeEnd final : public File {
public:
    PipeEnd(RefPtr<Inode> inode, std::uint32_t flags, RefPtr<Pipe> pipe)
        : File(FileKind::pipe, std::move(inode), flags), pipe_(std::move(pipe)), writers_seen_(pipe_->writers_ever()) {
        pipe_->add_end(is_readable(), is_writable());
    }
    ~PipeEnd() override { pipe_->drop_end(is_readable(), is_writable()); }

    Result<std::size_t> read(IoBuffer& to, std::optional<std::uint64_t>) override {
        return pipe_->read(to, is_non_blocking());
    }

    Result<std::size_t> write(IoBuffer& from, std::optional<std::uint64_t>) override {
        auto written = pipe_->write(from, is_non_blocking());
        if (!written.ok() && written.error() == Errno::epipe) thread::raise_sigpipe();
        return written;
    }

    unsigned poll(unsigned) override {
        unsigned bits = 0;
        if (is_readable()) {
            if (pipe_->used() != 0) bits |= poll_bit::readable;
            // A FIFO that no writer has opened yet has not hung up.
            if (pipe_->writers() == 0 && pipe_->writers_ever() != writers_seen_) bits |= poll_bit::hang_up;
        }
        if (is_writable()) {
            if (pipe_->capacity() - pipe_->used() >= Pipe::atomic_bytes) bits |= poll_bit::writable;
            if (pipe_->readers() == 0) bits |= poll_bit::error;
        }
        return bits;
    }

    thread::WaitQueue* wait_queue() override { return is_readable() ? &pipe_->readable() : &pipe_->writable(); }

    Result<long> ioctl(std::uint64_t request, std::uint64_t argument) override {
        if (request != ioctl_request::fionread) return Errno::enotty;
        HUSK_TRY(UserPtr<std::int32_t>(argument).store(static_cast<std::int32_t>(pipe_->used())));
        return 0;
    }

    [[nodiscard]] Pipe& pipe() const { return *pipe_; }

private:
    RefPtr<Pipe> pipe_;
    std::uint32_t writers_seen_;
};

class PipeInode final : public AnonymousInode {
public:
    explicit PipeInode(RefPtr<Pipe> pipe) : AnonymousInode(FileType::fifo, "pipe"), pipe_(std::move(pipe)) {}
    // By way of /proc/self/fd.
    Result<RefPtr<File>> open(std::uint32_t flags) override { return open_fifo(RefPtr<Inode>(this), pipe_, flags); }

private:
    RefPtr<Pipe> pipe_;
};

}  // namespace

Result<PipeEnds> make_pipe(std::uint32_t flags) {
    RefPtr<Pipe> pipe = HUSK_TRY(make_ref<Pipe>());
    RefPtr<Inode> inode = HUSK_TRY((make_ref_as<Inode, PipeInode>(pipe)));
    PipeEnds ends;
    ends.reader = HUSK_TRY((make_ref_as<File, PipeEnd>(inode, flags | open_flag::read_only, pipe)));
    ends.writer = HUSK_TRY((make_ref_as<File, PipeEnd>(inode, flags | open_flag::write_only, pipe)));
    return ends;
}

Result<RefPtr<File>> open_fifo(RefPtr<Inode> inode, RefPtr<Pipe> pipe, std::uint32_t flags) {
    std::uint32_t access = flags & open_flag::access_mask;
    bool waits = (flags & open_flag::non_block) == 0;
    if (access == open_flag::write_only && !waits && pipe->readers() == 0) return Errno::enxio;
    std::uint32_t readers_before = pipe->readers_ever();
    std::uint32_t writers_before = pipe->writers_ever();
    RefPtr<File> file = HUSK_TRY((make_ref_as<File, PipeEnd>(std::move(inode), flags, pipe)));
    if (access == open_flag::read_only && waits && pipe->writers() == 0) {
        HUSK_TRY(thread::wait_until(pipe->readable(), thread::Deadline::never(),
                                    [&] { return pipe->writers_ever() != writers_before; }));
    }
    if (access == open_flag::write_only && pipe->readers() == 0) {
        HUSK_TRY(thread::wait_until(pipe->writable(), thread::Deadline::never(),
                                    [&] { return pipe->readers_ever() != readers_before; }));
    }
    return file;
}

Result<long> pipe_capacity(File& file) {
    if (file.kind() != FileKind::pipe) return Errno::ebadf;
    return static_cast<long>(static_cast<PipeEnd&>(file).pipe().capacity());
}

Result<long> set_pipe_capacity(File& file, std::uint64_t wanted_bytes) {
    if (file.kind() != FileKind::pipe) return Errno::ebadf;
    std::size_t size = HUSK_TRY(static_cast<PipeEnd&>(file).pipe().set_capacity(wanted_bytes));
    return static_cast<long>(size);
}

}  // namespace husk::fs
