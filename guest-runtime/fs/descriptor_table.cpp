// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/descriptor_table.hpp"

#include <algorithm>
#include <cstring>

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
    if (count <= entries_.size()) return {};
    std::size_t wanted = std::max<std::size_t>({count, entries_.size() * 2, 16});
    auto larger = HUSK_TRY(HeapArray<Entry>::create(wanted));
    std::memset(larger.data(), 0, wanted * sizeof(Entry));
    if (entries_.size() != 0) std::memcpy(larger.data(), entries_.data(), entries_.size() * sizeof(Entry));
    entries_ = std::move(larger);
    return {};
}

DescriptorTable::Entry* DescriptorTable::find(int fd) {
    if (fd < 0 || static_cast<std::uint32_t>(fd) >= entries_.size()) return nullptr;
    Entry& entry = entries_[static_cast<std::uint32_t>(fd)];
    return entry.file == nullptr ? nullptr : &entry;
}

Result<RefPtr<File>> DescriptorTable::get(int fd) {
    Guard guard(lock_);
    Entry* entry = find(fd);
    if (entry == nullptr) return Errno::ebadf;
    return RefPtr<File>(entry->file);
}

Result<int> DescriptorTable::add(RefPtr<File> file, bool close_on_exec, int lowest) {
    if (lowest < 0 || static_cast<std::uint32_t>(lowest) >= limit()) return Errno::einval;
    Guard guard(lock_);
    std::uint32_t fd = std::max(static_cast<std::uint32_t>(lowest), first_free_);
    while (fd < entries_.size() && entries_[fd].file != nullptr) ++fd;
    if (fd >= limit()) return Errno::emfile;
    HUSK_TRY(grow_to(fd + 1));
    file->add_handle();
    entries_[fd] = {file.leak(), close_on_exec};
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
        old = RefPtr<File>::adopt(entries_[index].file);
        entries_[index] = {file.leak(), close_on_exec};
        if (index == first_free_) ++first_free_;
    }
    drop(old);
    return {};
}

RefPtr<File> DescriptorTable::take(Entry& entry) {
    auto index = static_cast<std::uint32_t>(&entry - entries_.data());
    first_free_ = std::min(first_free_, index);
    File* file = entry.file;
    entry = {nullptr, false};
    return RefPtr<File>::adopt(file);
}

void DescriptorTable::drop(const RefPtr<File>& file) {
    if (file) file->drop_handle();
}

Result<> DescriptorTable::close(int fd) {
    RefPtr<File> file;
    {
        Guard guard(lock_);
        Entry* entry = find(fd);
        if (entry == nullptr) return Errno::ebadf;
        file = take(*entry);
    }
    drop(file);
    return {};
}

void DescriptorTable::close_range(std::uint32_t first, std::uint32_t last, bool mark_only) {
    for (std::uint64_t fd = first; fd <= last; ++fd) {
        RefPtr<File> file;
        {
            Guard guard(lock_);
            if (fd >= entries_.size()) return;
            Entry& entry = entries_[fd];
            if (entry.file == nullptr) continue;
            if (mark_only) {
                entry.close_on_exec = true;
                continue;
            }
            file = take(entry);
        }
        drop(file);
    }
}

Result<bool> DescriptorTable::close_on_exec(int fd) {
    Guard guard(lock_);
    Entry* entry = find(fd);
    if (entry == nullptr) return Errno::ebadf;
    return entry->close_on_exec;
}

Result<> DescriptorTable::set_close_on_exec(int fd, bool yes) {
    Guard guard(lock_);
    Entry* entry = find(fd);
    if (entry == nullptr) return Errno::ebadf;
    entry->close_on_exec = yes;
    return {};
}

std::optional<int> DescriptorTable::next_open(int fd) {
    Guard guard(lock_);
    for (auto index = static_cast<std::uint32_t>(fd); index < entries_.size(); ++index) {
        if (entries_[index].file != nullptr) return static_cast<int>(index);
    }
    return {};
}

}  // namespace husk::fs
