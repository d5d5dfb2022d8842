// SPDX-License-Identifier: Apache-2.0
#include "launcher/backend/overlay_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "launcher/backend/file_lock.hpp"
#include "launcher/backend/io_vector.hpp"
#include "launcher/backend/overlay_format.hpp"
#include "launcher/backend/pool_engine.hpp"
#include "launcher/config/text.hpp"
#include "launcher/host/error.hpp"

namespace husk::backend {

namespace {

using config::fill_in;
using host::ExitCode;

constexpr std::uint64_t block_bytes = overlay_block_bytes;

std::uint64_t round_up(std::uint64_t value, std::uint64_t to) { return (value + to - 1) / to * to; }
std::uint64_t blocks_of(std::uint64_t size_bytes) { return round_up(size_bytes, block_bytes) / block_bytes; }

std::uint64_t data_offset_of(std::uint64_t disk_bytes) {
    return round_up(overlay_map_offset + BlockMap::bytes_for(blocks_of(disk_bytes)), overlay_data_alignment);
}

[[noreturn]] void refuse(std::string_view text, const std::filesystem::path& path) {
    throw host::Error(ExitCode::disk_unreadable, fill_in(text, path.native(), strerrordesc_np(errno)));
}

}  // namespace

OverlayFile::OverlayFile(DiskFile base, const std::filesystem::path& path, config::DiskCache cache)
    : base_(std::move(base)),
      fd_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666)),
      fakes_flush_(cache == config::DiskCache::unsafe),
      data_offset_(data_offset_of(base_.size_bytes())),
      map_(blocks_of(base_.size_bytes())) {
    if (!fd_.is_open()) refuse("cannot open the overlay {}: {}", path);
    struct stat facts {};
    if (::fstat(fd_.get(), &facts) != 0) refuse("cannot look at the overlay {}: {}", path);
    if (!S_ISREG(facts.st_mode))
        throw host::Error(ExitCode::bad_disk, fill_in("the overlay {} is not a file", path.native()));
    lock_file(fd_.get(), LockKind::exclusive, path);
    if (facts.st_size == 0) {
        create(path);
    } else {
        load(path);
    }
}

OverlayFile::~OverlayFile() { static_cast<void>(flush()); }

void OverlayFile::create(const std::filesystem::path& path) {
    const OverlayHeader header{overlay_magic, overlay_block_bytes, 0, size_bytes(), data_offset_};
    const auto file_bytes = static_cast<off_t>(data_offset_ + round_up(size_bytes(), block_bytes));
    // The header last: a file without it is no overlay yet.
    if (::ftruncate(fd_.get(), file_bytes) != 0 || ::fdatasync(fd_.get()) != 0 ||
        ::pwrite(fd_.get(), &header, sizeof header, 0) != static_cast<ssize_t>(sizeof header) ||
        ::fsync(fd_.get()) != 0)
        refuse("cannot create the overlay {}: {}", path);
}

void OverlayFile::load(const std::filesystem::path& path) {
    OverlayHeader header{};
    const bool is_overlay = ::pread(fd_.get(), &header, sizeof header, 0) == static_cast<ssize_t>(sizeof header) &&
                            header.magic == overlay_magic && header.block_bytes == overlay_block_bytes;
    if (!is_overlay)
        throw host::Error(ExitCode::bad_disk, fill_in("{} is not an overlay of husk: name a file that does not exist "
                                                      "yet, and it is created",
                                                      path.native()));
    if (header.size_bytes != size_bytes() || header.data_offset != data_offset_)
        throw host::Error(ExitCode::bad_disk,
                          fill_in("the overlay {} belongs to a disk of {} bytes, and this one has {}", path.native(),
                                  header.size_bytes, size_bytes()));
    iovec map{map_.bytes().data(), map_.bytes().size()};
    if (read_all(fd_.get(), overlay_map_offset, {&map, 1}) != 0)
        throw host::Error(ExitCode::bad_disk, fill_in("the overlay {} is cut short", path.native()));
}

OverlayFile::Run OverlayFile::run_at(std::uint64_t offset, std::uint64_t size_bytes) {
    const std::uint64_t begin = offset / block_bytes, end = blocks_of(offset + size_bytes);
    const std::lock_guard lock(map_mutex_);
    const std::uint64_t run_end = (begin + map_.run_length(begin, end)) * block_bytes;
    return {std::min(run_end, offset + size_bytes) - offset, map_.contains(begin)};
}

int OverlayFile::read(std::uint64_t offset, std::span<iovec> pieces) {
    PieceReader reader(pieces);
    while (reader.left_bytes() != 0) {
        const Run run = run_at(offset, reader.left_bytes());
        std::vector<iovec> part = reader.take(run.size_bytes);
        const int error = run.is_here ? read_all(fd_.get(), data_offset_ + offset, part) : base_.read(offset, part);
        if (error != 0) return error;
        offset += run.size_bytes;
    }
    return 0;
}

int OverlayFile::write(std::uint64_t offset, std::span<iovec> pieces) {
    PieceReader reader(pieces);
    while (reader.left_bytes() != 0) {
        // Up to the end of a block that is begun inside, then whole blocks, then the beginning of one.
        const std::uint64_t into_block = offset % block_bytes;
        std::uint64_t count = reader.left_bytes();
        const bool is_whole = into_block == 0 && (count >= block_bytes || offset + count == size_bytes());
        if (is_whole) {
            if (offset + count != size_bytes()) count -= count % block_bytes;
        } else {
            count = std::min(count, block_bytes - into_block);
        }
        std::vector<iovec> part = reader.take(count);
        const int error = is_whole ? write_whole_blocks(offset, count, part) : write_part(offset, count, part);
        if (error != 0) return error;
        offset += count;
    }
    return 0;
}

int OverlayFile::write_whole_blocks(std::uint64_t offset, std::uint64_t size_bytes, std::span<iovec> pieces) {
    const std::shared_lock together(writers_);
    if (const int error = write_all(fd_.get(), data_offset_ + offset, pieces); error != 0) return error;
    const std::lock_guard lock(map_mutex_);
    map_.insert(offset / block_bytes, blocks_of(offset + size_bytes));
    return 0;
}

int OverlayFile::write_part(std::uint64_t offset, std::uint64_t size_bytes, std::span<iovec> pieces) {
    const std::uint64_t block = offset / block_bytes;
    {
        const std::shared_lock together(writers_);
        if (run_at(offset, size_bytes).is_here) return write_all(fd_.get(), data_offset_ + offset, pieces);
    }
    // The rest of the block comes from the base; nobody else may write to it between the copy and the store.
    const std::unique_lock alone(writers_);
    if (!run_at(offset, size_bytes).is_here) {
        alignas(block_bytes) std::array<std::byte, block_bytes> copy{};
        const std::uint64_t begin = block * block_bytes;
        iovec whole{copy.data(), std::min<std::uint64_t>(block_bytes, this->size_bytes() - begin)};
        iovec from = whole;
        if (const int error = base_.read(begin, {&from, 1}); error != 0) return error;
        if (const int error = write_all(fd_.get(), data_offset_ + begin, {&whole, 1}); error != 0) return error;
    }
    if (const int error = write_all(fd_.get(), data_offset_ + offset, pieces); error != 0) return error;
    const std::lock_guard lock(map_mutex_);
    map_.insert(block, block + 1);
    return 0;
}

int OverlayFile::flush() {
    const std::lock_guard one_flush(flush_mutex_);
    struct Page {
        std::size_t number;
        std::vector<std::byte> bytes;
    };
    std::vector<Page> changed;
    {
        // As the map is now: what is inserted from here on may stand for data that this flush does not reach.
        const std::lock_guard lock(map_mutex_);
        for (const std::size_t page : map_.take_dirty_pages()) {
            const std::span<const std::byte> bytes = map_.page(page);
            changed.push_back({page, {bytes.begin(), bytes.end()}});
        }
    }
    int error = fakes_flush_ || ::fdatasync(fd_.get()) == 0 ? 0 : errno;
    for (Page& page : changed) {
        if (error != 0) break;
        iovec piece{page.bytes.data(), page.bytes.size()};
        error = write_all(fd_.get(), overlay_map_offset + page.number * BlockMap::page_bytes, {&piece, 1});
    }
    if (error == 0 && !changed.empty() && !fakes_flush_ && ::fdatasync(fd_.get()) != 0) error = errno;
    if (error != 0) {
        const std::lock_guard lock(map_mutex_);
        for (const Page& page : changed) map_.mark_dirty(page.number);
    }
    return error;
}

// Blocks that are here become holes, which read as zeros; the others go on reading as the base. Both is allowed.
int OverlayFile::discard(std::uint64_t offset, std::uint64_t size_bytes) {
    const std::uint64_t begin = round_up(offset, block_bytes), end = (offset + size_bytes) / block_bytes * block_bytes;
    if (begin >= end) return 0;
    const int result = ::fallocate(fd_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                   static_cast<off_t>(data_offset_ + begin), static_cast<off_t>(end - begin));
    return result == 0 || errno == EOPNOTSUPP ? 0 : errno;
}

int OverlayFile::write_zeroes(std::uint64_t offset, std::uint64_t size_bytes, bool) {
    const std::uint64_t begin = std::min(round_up(offset, block_bytes), offset + size_bytes);
    const std::uint64_t end = std::max((offset + size_bytes) / block_bytes * block_bytes, begin);
    if (const int error = write_zero_bytes(offset, begin - offset); error != 0) return error;
    if (begin < end) {
        const std::shared_lock together(writers_);
        if (const int error = zero_range(fd_.get(), data_offset_ + begin, end - begin, true); error != 0) return error;
        const std::lock_guard lock(map_mutex_);
        map_.insert(begin / block_bytes, end / block_bytes);
    }
    return write_zero_bytes(end, offset + size_bytes - end);
}

int OverlayFile::write_zero_bytes(std::uint64_t offset, std::uint64_t size_bytes) {
    if (size_bytes == 0) return 0;
    std::array<std::byte, block_bytes> zeros{};
    iovec piece{zeros.data(), size_bytes};
    return write(offset, {&piece, 1});
}

std::unique_ptr<IoEngine> OverlayFile::make_engine() { return std::make_unique<PoolEngine>(*this); }

}  // namespace husk::backend
