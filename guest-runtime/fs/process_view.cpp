// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/process_view.hpp"

#include <atomic>

namespace husk::fs {

namespace {

constinit Spinlock directory_lock;
constinit Inode* current_directory = nullptr;  // owns a reference
constinit std::atomic<std::uint32_t> current_umask = 022;
constinit std::atomic<std::uint64_t> size_limit = UINT64_MAX;

}  // namespace

RefPtr<Inode> working_directory() {
    Guard guard(directory_lock);
    return RefPtr<Inode>(current_directory);
}

void set_working_directory(RefPtr<Inode> wanted) {
    Guard guard(directory_lock);
    RefPtr<Inode> old = RefPtr<Inode>::adopt(current_directory);
    current_directory = wanted.leak();
    guard.unlock();
}

std::uint32_t umask() { return current_umask.load(std::memory_order_relaxed); }
std::uint32_t set_umask(std::uint32_t mask) { return current_umask.exchange(mask & 0777); }

std::uint64_t file_size_limit() { return size_limit.load(std::memory_order_relaxed); }
void set_file_size_limit(std::uint64_t limit_bytes) { size_limit.store(limit_bytes, std::memory_order_relaxed); }

}  // namespace husk::fs
