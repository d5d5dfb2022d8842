// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/ram_file.hpp"

#include <algorithm>
#include <cstring>

#include "guest-runtime/memory/frames.hpp"

namespace husk::fs {

namespace {

void release_page(abi::GuestPhys frame) { memory::release_frames(frame, 0); }

}  // namespace

RamFile::~RamFile() { remove_pages(0, UINT64_MAX); }

std::uint64_t RamFile::size_bytes() {
    Guard guard(lock_);
    return size_bytes_;
}

void RamFile::describe(Attributes& attributes) {
    Guard guard(lock_);
    attributes.size_bytes = size_bytes_;
    attributes.blocks_512 = pages_.page_count() * (abi::page_size / 512);
}

Result<abi::GuestPhys> RamFile::page_for_read(std::uint64_t index) {
    Guard guard(lock_);
    abi::GuestPhys frame = pages_.find(index);
    if (frame.value != 0) memory::retain_frames(frame);
    return frame;
}

Result<abi::GuestPhys> RamFile::page_for_write(std::uint64_t index) {
    Guard guard(lock_);
    abi::GuestPhys frame = pages_.find(index);
    if (frame.value == 0) {
        HUSK_TRY(RamFilesystem::check_room(1));
        auto fresh = memory::allocate_frames(0, memory::Contents::zero);
        if (!fresh.ok()) return Errno::enospc;
        frame = fresh.value();
        if (!pages_.insert(index, frame).ok()) {
            memory::release_frames(frame, 0);
            return Errno::enospc;
        }
    }
    memory::retain_frames(frame);
    return frame;
}

// With lock_ held, or by the destructor.
void RamFile::remove_pages(std::uint64_t first, std::uint64_t last) { pages_.remove(first, last, release_page); }

// With lock_ held; the range lies in one page.
void RamFile::zero_in_page(std::uint64_t offset, std::uint64_t size_bytes) {
    abi::GuestPhys frame = pages_.find(offset / abi::page_size);
    if (frame.value == 0 || size_bytes == 0) return;
    std::memset(memory::frame_pointer<std::byte>(frame) + offset % abi::page_size, 0, size_bytes);
}

Result<> RamFile::resize(std::uint64_t size_bytes) {
    {
        Guard guard(lock_);
        if (size_bytes < size_bytes_) {
            std::uint64_t kept_pages = abi::align_up(size_bytes, abi::page_size) / abi::page_size;
            zero_in_page(size_bytes, kept_pages * abi::page_size - size_bytes);
            remove_pages(kept_pages, UINT64_MAX);
        }
        size_bytes_ = size_bytes;
    }
    touch_modified();
    return {};
}

void RamFile::written_to(std::uint64_t, std::uint64_t end) {
    {
        Guard guard(lock_);
        size_bytes_ = std::max(size_bytes_, end);
    }
    touch_modified();
}

Result<> RamFile::allocate(std::uint64_t offset, std::uint64_t size_bytes, bool keep_size) {
    std::uint64_t first = offset / abi::page_size;
    std::uint64_t end = abi::align_up(offset + size_bytes, abi::page_size) / abi::page_size;
    HUSK_TRY(RamFilesystem::check_room(end - first));
    for (std::uint64_t index = first; index < end; ++index) {
        abi::GuestPhys frame = HUSK_TRY(page_for_write(index));
        memory::release_frames(frame, 0);
    }
    if (!keep_size) written_to(offset, offset + size_bytes);
    return {};
}

Result<> RamFile::punch_hole(std::uint64_t offset, std::uint64_t size_bytes) {
    std::uint64_t end = offset + size_bytes;
    std::uint64_t first_whole = abi::align_up(offset, abi::page_size);
    std::uint64_t last_whole = abi::align_down(end, abi::page_size);
    {
        Guard guard(lock_);
        if (first_whole > last_whole) {
            zero_in_page(offset, size_bytes);
        } else {
            zero_in_page(offset, first_whole - offset);
            zero_in_page(last_whole, end - last_whole);
            if (first_whole < last_whole) remove_pages(first_whole / abi::page_size, last_whole / abi::page_size - 1);
        }
    }
    touch_modified();
    return {};
}

Result<std::uint64_t> RamFile::seek_data(std::uint64_t offset, bool hole) {
    Guard guard(lock_);
    if (offset >= size_bytes_) return Errno::enxio;
    std::uint64_t index = offset / abi::page_size;
    if (hole) {
        while (pages_.find(index).value != 0 && index * abi::page_size < size_bytes_) ++index;
        return std::clamp(index * abi::page_size, offset, size_bytes_);
    }
    auto page = pages_.next_page(index);
    if (!page || *page * abi::page_size >= size_bytes_) return Errno::enxio;
    return std::max(*page * abi::page_size, offset);
}

}  // namespace husk::fs
