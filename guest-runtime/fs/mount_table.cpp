// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/mount_table.hpp"

#include <atomic>
#include <new>

namespace husk::fs {

namespace {

// Written once each; the count is raised after.
constinit Mount* mounts[max_mounts];
constinit std::atomic<std::size_t> mount_count = 0;
constinit Spinlock mount_lock;

}  // namespace

Result<> mount(Filesystem& filesystem, const RefPtr<Inode>& covered, std::string_view path, std::string_view source) {
    if (covered && !covered->is_directory()) return Errno::enotdir;
    RefPtr<Inode> root = HUSK_TRY(filesystem.root());
    Text path_text = HUSK_TRY(Text::copy_of(path));
    Text source_text = HUSK_TRY(Text::copy_of(source));
    auto* entry =
        new (std::nothrow) Mount{&filesystem, std::move(root), covered, std::move(path_text), std::move(source_text)};
    if (entry == nullptr) return Errno::enomem;
    Guard guard(mount_lock);
    std::size_t count = mount_count.load(std::memory_order_relaxed);
    if (count == max_mounts || (covered && covered->is_mount_point())) {
        delete entry;
        return count == max_mounts ? Errno::enomem : Errno::ebusy;
    }
    mounts[count] = entry;
    // Pairs with the loads in the look-ups: an entry is complete before it counts.
    mount_count.store(count + 1, std::memory_order_release);
    if (covered) covered->set_mount_point(true);
    return {};
}

const Mount* mount_at(std::size_t index) {
    return index < mount_count.load(std::memory_order_acquire) ? mounts[index] : nullptr;
}

RefPtr<Inode> root_inode() { return mounts[0]->root; }

RefPtr<Inode> mounted_on(Inode& covered) {
    for (std::size_t i = 0; const Mount* entry = mount_at(i); ++i) {
        if (entry->covered.get() == &covered) return entry->root;
    }
    return {};
}

RefPtr<Inode> covered_by(Inode& root) {
    for (std::size_t i = 0; const Mount* entry = mount_at(i); ++i) {
        if (entry->root.get() == &root) return entry->covered;
    }
    return {};
}

bool is_mount_root(Inode& inode) {
    for (std::size_t i = 0; const Mount* entry = mount_at(i); ++i) {
        if (entry->root.get() == &inode) return true;
    }
    return false;
}

}  // namespace husk::fs
