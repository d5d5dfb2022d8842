// SPDX-License-Identifier: Apache-2.0
// An open file description: what descriptors name, whatever stands behind it.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string_view>

#include "guest-runtime/base/intrusive_list.hpp"
#include "guest-runtime/base/ref_ptr.hpp"
#include "guest-runtime/base/result.hpp"
#include "guest-runtime/fs/inode.hpp"
#include "guest-runtime/fs/io_buffer.hpp"
#include "guest-runtime/fs/open_flags.hpp"
#include "guest-runtime/fs/text.hpp"
#include "guest-runtime/thread/wait_queue.hpp"

namespace husk::fs {

class EpollWatch;

// For the few calls that serve one kind only.
enum class FileKind : std::uint8_t {
    path,
    regular,
    directory,
    device,
    console,
    pipe,
    event,
    timer,
    signal,
    epoll,
    socket
};

class File : public RefCounted {
public:
    File(FileKind kind, RefPtr<Inode> inode, std::uint32_t flags)
        : inode_(std::move(inode)), flags_(flags), kind_(kind) {}

    [[nodiscard]] FileKind kind() const { return kind_; }
    [[nodiscard]] Inode& inode() const { return *inode_; }
    // Whose pages the file's bytes are: for a disk not its node in /dev.
    [[nodiscard]] virtual Inode& data() const { return *inode_; }
    [[nodiscard]] std::uint32_t flags() const { return flags_.load(std::memory_order_relaxed); }
    void set_flags(std::uint32_t flags) { flags_.store(flags, std::memory_order_relaxed); }
    [[nodiscard]] bool is_non_blocking() const { return (flags() & open_flag::non_block) != 0; }
    [[nodiscard]] bool is_readable() const { return (flags() & open_flag::access_mask) != open_flag::write_only; }
    [[nodiscard]] bool is_writable() const { return (flags() & open_flag::access_mask) != open_flag::read_only; }

    // `offset`: an explicit place, or null for the current position, which then moves. A short count is no error; 0
    // from read() is the end. EAGAIN when it would block and is_non_blocking(); ERESTART when a signal came first.
    virtual Result<std::size_t> read(IoBuffer&, std::optional<std::uint64_t>) { return Errno::einval; }
    virtual Result<std::size_t> write(IoBuffer&, std::optional<std::uint64_t>) { return Errno::einval; }
    // For write() to what is_seekable(): wherever the end is then.
    static constexpr std::uint64_t at_end = UINT64_MAX;
    // Whether explicit offsets and seek() mean something; else ESPIPE.
    [[nodiscard]] virtual bool is_seekable() const { return false; }
    virtual Result<std::uint64_t> seek(std::int64_t, int) { return Errno::espipe; }

    // Readiness: poll_bit bits that hold now, at least those of `wanted` (error and hang_up always). May take a Mutex.
    virtual unsigned poll(unsigned /*wanted*/) { return poll_bit::readable | poll_bit::writable; }
    // Woken whenever poll() may have changed; null: always ready (and refused by epoll).
    virtual thread::WaitQueue* wait_queue() { return nullptr; }

    virtual Result<long> ioctl(std::uint64_t /*request*/, std::uint64_t /*argument*/) { return Errno::enotty; }
    virtual Attributes attributes() { return inode_->attributes(); }
    virtual Result<> sync(bool data_only) { return inode_->sync(data_only); }
    // Fills `visitor` from the current position and moves it.
    virtual Result<> list(DirectoryVisitor&) { return Errno::enotdir; }
    virtual std::uint64_t position() { return 0; }

    // How many descriptors (and messages in flight) name this description. The last one to go ends epoll watches and
    // locks, even while a call is still using the description.
    void add_handle() { handles_.fetch_add(1, std::memory_order_relaxed); }
    void drop_handle() {
        // Pairs with Epoll::add(): it sees that no handle is left, or forget() that there was a watch.
        if (handles_.fetch_sub(1, std::memory_order_seq_cst) == 1) on_last_close();
    }

    // Where it was opened: the directory and the name in it.
    Result<> set_place(RefPtr<Inode> directory, std::string_view name);
    // What /proc/self/fd shows: the path as it is now.
    Result<Text> path_text();

protected:
    virtual void on_last_close();

private:
    friend class Epoll;

    RefPtr<Inode> inode_;
    RefPtr<Inode> place_directory_;
    Text place_name_;
    std::atomic<std::uint32_t> flags_;
    std::atomic<std::uint32_t> handles_ = 0;
    FileKind kind_;
    std::atomic<bool> was_watched_ = false;
    List<EpollWatch, struct FileWatchTag> watches_;  // guarded by epoll.cpp's structure lock
};

}  // namespace husk::fs
