// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/regular_file.hpp"

#include <algorithm>

#include "guest-runtime/base/user_memory.hpp"
#include "guest-runtime/fs/direct_io.hpp"
#include "guest-runtime/fs/page_cache_list.hpp"
#include "guest-runtime/fs/process_view.hpp"
#include "guest-runtime/fs/terminal.hpp"
#include "guest-runtime/memory/frames.hpp"
#include "guest-runtime/thread/signal_raise.hpp"

namespace husk::fs {

namespace {

constexpr std::uint64_t max_file_bytes = INT64_MAX;

// A frame for the time of one copy.
class HeldFrame {
public:
    explicit HeldFrame(abi::GuestPhys frame) : frame_(frame) {}
    ~HeldFrame() {
        if (frame_.value != 0) memory::release_frames(frame_, 0);
    }
    HeldFrame(const HeldFrame&) = delete;
    HeldFrame& operator=(const HeldFrame&) = delete;
    [[nodiscard]] bool is_hole() const { return frame_.value == 0; }
    [[nodiscard]] std::byte* at(std::uint64_t offset) const {
        return memory::frame_pointer<std::byte>(frame_) + offset % abi::page_size;
    }

private:
    abi::GuestPhys frame_;
};

std::size_t piece_in_page(std::uint64_t offset, std::uint64_t bytes) {
    return std::min<std::uint64_t>(bytes, abi::page_size - offset % abi::page_size);
}

Result<> read_piece(Inode& inode, std::uint64_t offset, IoBuffer& to, std::size_t piece) {
    HeldFrame frame(HUSK_TRY(inode.page_for_read(offset / abi::page_size)));
    return frame.is_hole() ? to.put_zeros(piece) : to.put(frame.at(offset), piece);
}

// A page that is written as a whole need not be read from the disk first.
Result<> write_fresh_page(PageCache& cache, std::uint64_t index, IoBuffer& from) {
    abi::GuestPhys frame = HUSK_TRY(memory::allocate_frames(0, memory::Contents::any));
    auto filled = from.take(memory::frame_pointer<std::byte>(frame), abi::page_size);
    if (filled.ok()) filled = cache.put_page(index, frame);
    if (!filled.ok()) memory::release_frames(frame, 0);
    return filled;
}

Result<> write_piece(Inode& inode, std::uint64_t offset, IoBuffer& from, std::size_t piece) {
    PageCache* cache = piece == abi::page_size ? inode.page_cache() : nullptr;
    if (cache != nullptr && !cache->is_resident(offset / abi::page_size)) {
        return write_fresh_page(*cache, offset / abi::page_size, from);
    }
    HeldFrame frame(HUSK_TRY(inode.page_for_write(offset / abi::page_size)));
    return from.take(frame.at(offset), piece);
}

}  // namespace

// O_DIRECT means something for what lies on a disk, and for the application's own memory.
bool RegularFile::moves_directly(const IoBuffer& buffer) const {
    return (flags() & open_flag::direct) != 0 && buffer.is_user_memory() && data().page_cache() != nullptr;
}

Result<std::size_t> RegularFile::read_at(IoBuffer& to, std::uint64_t offset) {
    std::uint64_t size = data().size_bytes();
    if (moves_directly(to)) return read_directly(*data().page_cache(), to, offset, size);
    std::size_t done = 0;
    PageCache* cache = data().page_cache();
    if (cache != nullptr && offset < size) {
        cache->about_to_read(offset, offset + std::min<std::uint64_t>(to.remaining(), size - offset));
    }
    while (to.remaining() != 0 && offset < size) {
        std::size_t piece = piece_in_page(offset, std::min<std::uint64_t>(to.remaining(), size - offset));
        auto moved = read_piece(data(), offset, to, piece);
        if (!moved.ok()) return done != 0 ? Result<std::size_t>(done) : moved.error();
        offset += piece;
        done += piece;
    }
    if (done != 0 && (flags() & open_flag::no_atime) == 0) data().was_read();
    return done;
}

// Moves `offset` behind what was written.
Result<std::size_t> RegularFile::write_pages(IoBuffer& from, std::uint64_t& offset) {
    Inode& inode = data();
    std::uint64_t begin = offset;
    std::size_t done = 0;
    while (from.remaining() != 0) {
        std::size_t piece = piece_in_page(offset, from.remaining());
        auto moved = write_piece(inode, offset, from, piece);
        if (!moved.ok()) {
            if (done == 0) return moved.error();
            break;
        }
        offset += piece;
        done += piece;
    }
    inode.written_to(begin, offset);
    if (PageCache* cache = inode.page_cache()) cache->on_written(begin, offset);
    return done;
}

Result<std::size_t> RegularFile::write_at(IoBuffer& from, std::uint64_t& offset) {
    if (from.remaining() == 0) return 0;
    Inode& inode = data();
    Guard guard(inode.contents());
    if ((flags() & open_flag::append) != 0 || offset == at_end) offset = inode.size_bytes();
    std::uint64_t limit = file_size_limit();
    if (offset >= limit) {
        guard.unlock();
        thread::raise_sigxfsz();
        return Errno::efbig;
    }
    limit = std::min(limit, max_file_bytes);
    if (offset >= limit) return Errno::efbig;
    from.limit(limit - offset);
    from.limit(HUSK_TRY(inode.prepare_write(offset, offset + from.remaining())) - offset);
    std::uint64_t begin = offset;
    bool is_direct = moves_directly(from);
    if (is_direct && HUSK_TRY(prepare_direct_write(*inode.page_cache(), from, offset))) {
        // Changes of the contents go one after the other, but for a disk's, which has no size to change.
        if (!inode.is_regular()) guard.unlock();
        IoBuffer written = from;
        std::size_t done = HUSK_TRY(write_directly(*inode.page_cache(), from, offset));
        offset += done;
        inode.written_to(begin, offset);
        written.limit(done);
        HUSK_TRY(finish_direct_write(*inode.page_cache(), written, begin));
        return done;
    }
    std::size_t done = HUSK_TRY(write_pages(from, offset));
    if (is_direct) HUSK_TRY(inode.page_cache()->write_back(begin, offset));
    return done;
}

// With no lock held.
Result<> RegularFile::after_write() {
    PageCache* cache = data().page_cache();
    if (cache == nullptr) return {};
    balance_dirty_pages(*cache);
    if ((flags() & open_flag::data_sync) == 0) return {};
    return data().sync((flags() & open_flag::sync) != open_flag::sync);
}

Result<std::size_t> RegularFile::read(IoBuffer& to, std::optional<std::uint64_t> offset) {
    if (offset) return read_at(to, *offset);
    Guard guard(position_lock_);
    std::size_t done = HUSK_TRY(read_at(to, position_));
    position_ += done;
    return done;
}

Result<std::size_t> RegularFile::write(IoBuffer& from, std::optional<std::uint64_t> offset) {
    std::size_t done = 0;
    if (offset) {
        // With O_APPEND even pwrite() appends, as in Linux.
        done = HUSK_TRY(write_at(from, *offset));
    } else {
        Guard guard(position_lock_);
        done = HUSK_TRY(write_at(from, position_));
    }
    if (done != 0) HUSK_TRY(after_write());
    return done;
}

Result<std::uint64_t> RegularFile::seek(std::int64_t offset, int whence) {
    Guard guard(position_lock_);
    std::int64_t base = 0;
    switch (whence) {
        case seek_from::start:
            break;
        case seek_from::current:
            base = static_cast<std::int64_t>(position_);
            break;
        case seek_from::end:
            base = static_cast<std::int64_t>(data().size_bytes());
            break;
        case seek_from::data:
        case seek_from::hole: {
            if (offset < 0) return Errno::enxio;
            position_ = HUSK_TRY(data().seek_data(static_cast<std::uint64_t>(offset), whence == seek_from::hole));
            return position_;
        }
        default:
            return Errno::einval;
    }
    std::int64_t target;
    if (__builtin_add_overflow(base, offset, &target) || target < 0) return Errno::einval;
    position_ = static_cast<std::uint64_t>(target);
    return position_;
}

Result<long> RegularFile::ioctl(std::uint64_t request, std::uint64_t argument) {
    if (request != ioctl_request::fionread) return Errno::enotty;
    auto left = static_cast<std::int64_t>(data().size_bytes() - position_);
    HUSK_TRY(UserPtr<std::int32_t>(argument).store(static_cast<std::int32_t>(left)));
    return 0;
}

Result<> resize_file(Inode& inode, std::uint64_t size_bytes) {
    if (inode.is_directory()) return Errno::eisdir;
    if (!inode.is_regular()) return Errno::einval;
    if (size_bytes > max_file_bytes) return Errno::efbig;
    if (size_bytes > file_size_limit()) {
        thread::raise_sigxfsz();
        return Errno::efbig;
    }
    Guard guard(inode.contents());
    return inode.resize(size_bytes);
}

}  // namespace husk::fs
