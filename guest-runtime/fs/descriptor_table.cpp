// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/descriptor_table.hpp"

#include <algorithm>
#include <bit>
#include <new>

namespace husk::fs {

namespace {

// Never destroyed: a plain global would be, when the application's exit() runs its own.
constinit DescriptorTable* table = nullptr;

}  // namespace

DescriptorTable& descriptors() { return *table; }

Result<> make_descriptor_table() {
    table = new (std::nothrow) DescriptorTable;
    return table == nullptr ? Result<>(Errno::enomem) : Result<>();
}

Result<RefPtr<File>> file_of(int fd) {
    auto file = table->get(fd);
    if (file.ok() && file.value()->kind() == FileKind::path) return Errno::ebadf;
    return file;
}

Result<> DescriptorTable::grow_to(std::uint32_t count) {
    while (capacity() < count) {
        std::uint32_t old = capacity();
        std::size_t block = static_cast<std::size_t>(std::bit_width(old / first_block + 1)) - 1;
        blocks_[block] = HUSK_TRY(HeapArray<Entry>::create(first_block << block));
        for (Entry& fresh : blocks_[block].span()) new (&fresh) Entry;
        // Pairs with the acquire in capacity(): the block is there for whoever sees it.
        capacity_.store(old + (first_block << block), std::memory_order_release);
    }
    return {};
}

DescriptorTable::Entry& DescriptorTable::entry(std::uint32_t index) {
    std::size_t block = static_cast<std::size_t>(std::bit_width(index / first_block + 1)) - 1;
    return blocks_[block].data()[index - first_block * ((1u << block) - 1)];
}

// With the table's lock held.
DescriptorTable::Entry* DescriptorTable::find(int fd) {
    if (fd < 0 || static_cast<std::uint32_t>(fd) >= capacity()) return nullptr;
    Entry& found = entry(static_cast<std::uint32_t>(fd));
    return found.file == nullptr ? nullptr : &found;
}

void DescriptorTable::set(Entry& entry, File* file, bool close_on_exec) {
    Guard guard(entry.lock);
    entry.file = file;
    entry.close_on_exec = close_on_exec;
}

Result<RefPtr<File>> DescriptorTable::get(int fd) {
    if (fd < 0 || static_cast<std::uint32_t>(fd) >= capacity()) return Errno::ebadf;
    Entry& named = entry(static_cast<std::uint32_t>(fd));
    Guard guard(named.lock);
    if (named.file == nullptr) return Errno::ebadf;
    return RefPtr<File>(named.file);
}

// With the table's lock held; may be beyond the limit.
std::uint32_t DescriptorTable::lowest_free(std::uint32_t from) {
    std::uint32_t fd = std::max(from, first_free_);
    while (fd < capacity() && entry(fd).file != nullptr) ++fd;
    if (from <= first_free_) first_free_ = fd;
    return fd;
}

Result<> DescriptorTable::require_free() {
    Guard guard(lock_);
    return lowest_free(0) < limit() ? Result<>() : Errno::emfile;
}

Result<int> DescriptorTable::add(RefPtr<File> file, bool close_on_exec, int lowest) {
    if (lowest < 0 || static_cast<std::uint32_t>(lowest) >= limit()) return Errno::einval;
    Guard guard(lock_);
    std::uint32_t fd = lowest_free(static_cast<std::uint32_t>(lowest));
    if (fd >= limit()) return Errno::emfile;
    HUSK_TRY(grow_to(fd + 1));
    file->add_handle();
    set(entry(fd), file.leak(), close_on_exec);
    if (static_cast<std::uint32_t>(lowest) <= first_free_) first_free_ = fd + 1;
    return static_cast<int>(fd);
}

Result<> DescriptorTable::put(int fd, RefPtr<File> file, bool close_on_exec) {
    if (fd < 0 || static_cast<std::uint32_t>(fd) >= limit()) return Errno::ebadf;
    RefPtr<File> old;
    {
        Guard guard(lock_);
        auto index = static_cast<std::uint32_t>(fd);
        HUSK_TRY(grow_to(index + 1));
        file->add_handle();
        old = RefPtr<File>::adopt(entry(index).file);
        set(entry(index), file.leak(), close_on_exec);
        if (index == first_free_) ++first_free_;
    }
    drop(old);
    return {};
}

RefPtr<File> DescriptorTable::take(std::uint32_t index) {
    first_free_ = std::min(first_free_, index);
    File* file = entry(index).file;
    set(entry(index), nullptr, false);
    return RefPtr<File>::adopt(file);
}

void DescriptorTable::drop(const RefPtr<File>& file) {
    if (file) file->drop_handle();
}

Result<> DescriptorTable::close(int fd) {
    RefPtr<File> file;
    {
        Guard guard(lock_);
        if (find(fd) == nullptr) return Errno::ebadf;
        file = take(static_cast<std::uint32_t>(fd));
    }
    drop(file);
    return {};
}

void DescriptorTable::close_range(std::uint32_t first, std::uint32_t last, bool mark_only) {
    for (std::uint64_t fd = first; fd <= last; ++fd) {
        RefPtr<File> file;
        {
            Guard guard(lock_);
            if (fd >= capacity()) return;
            auto index = static_cast<std::uint32_t>(fd);
            if (entry(index).file == nullptr) continue;
            if (mark_only) {
                entry(index).close_on_exec = true;
                continue;
            }
            file = take(index);
        }
        drop(file);
    }
}

Result<bool> DescriptorTable::close_on_exec(int fd) {
    Guard guard(lock_);
    const Entry* found = find(fd);
    if (found == nullptr) return Errno::ebadf;
    return found->close_on_exec;
}

Result<> DescriptorTable::set_close_on_exec(int fd, bool yes) {
    Guard guard(lock_);
    Entry* found = find(fd);
    if (found == nullptr) return Errno::ebadf;
    found->close_on_exec = yes;
    return {};
}

std::optional<int> DescriptorTable::next_open(int fd) {
    Guard guard(lock_);
    for (auto index = static_cast<std::uint32_t>(fd); index < capacity(); ++index) {
        if (entry(index).file != nullptr) return static_cast<int>(index);
    }
    return {};
}

}  // namespace husk::fs
