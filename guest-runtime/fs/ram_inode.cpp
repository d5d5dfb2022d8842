// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/ram_inode.hpp"

#include "guest-runtime/thread/clock.hpp"

namespace husk::fs {

RamInode::RamInode(RamFilesystem& filesystem, FileType type, std::uint32_t permissions,
                   std::uint64_t represented_device)
    : Inode(filesystem, type) {
    std::int64_t now = thread::realtime_ns();
    stored_ = {.number = filesystem.take_number(),
               .mode = static_cast<std::uint32_t>(type) | (permissions & permission_mask),
               .links = 0,
               .represented_device = represented_device,
               .accessed_ns = now,
               .modified_ns = now,
               .changed_ns = now,
               .born_ns = now};
    filesystem.on_inode_created();
}

RamInode::~RamInode() { ram().on_inode_destroyed(); }

Attributes RamInode::attributes() {
    Attributes copy;
    {
        Guard guard(lock_);
        copy = stored_;
    }
    describe(copy);
    return copy;
}

Result<> RamInode::change(const AttributeChange& change) {
    std::int64_t now = thread::realtime_ns();
    Guard guard(lock_);
    if (change.permissions) stored_.mode = static_cast<std::uint32_t>(type()) | (*change.permissions & permission_mask);
    if (change.user) stored_.user = *change.user;
    if (change.group) stored_.group = *change.group;
    if (change.accessed_ns) stored_.accessed_ns = *change.accessed_ns;
    if (change.modified_ns) stored_.modified_ns = *change.modified_ns;
    stored_.changed_ns = now;
    return {};
}

void RamInode::add_links(int change) {
    std::int64_t now = thread::realtime_ns();
    Guard guard(lock_);
    stored_.links += static_cast<std::uint32_t>(change);
    stored_.changed_ns = now;
}

void RamInode::touch_modified() {
    std::int64_t now = thread::realtime_ns();
    Guard guard(lock_);
    stored_.modified_ns = stored_.changed_ns = now;
}

void RamInode::touch_changed() {
    std::int64_t now = thread::realtime_ns();
    Guard guard(lock_);
    stored_.changed_ns = now;
}

void RamInode::touch_accessed() {
    constexpr std::int64_t day_ns = 24ll * 3600 * 1'000'000'000;
    std::int64_t now = thread::realtime_ns();
    Guard guard(lock_);
    if (stored_.accessed_ns <= stored_.modified_ns || stored_.accessed_ns <= stored_.changed_ns ||
        now - stored_.accessed_ns >= day_ns) {
        stored_.accessed_ns = now;
    }
}

Result<Text> RamInode::extended_attribute(std::string_view name) {
    Guard guard(extended_lock_);
    return extended_.get(name);
}

Result<> RamInode::set_extended_attribute(std::string_view name, std::string_view value, int flags) {
    // As Linux has it: only files and directories carry the user's attributes.
    if (name.starts_with("user.") && !is_regular() && !is_directory()) return Errno::eperm;
    HUSK_TRY(RamFilesystem::check_room(1));
    Guard guard(extended_lock_);
    HUSK_TRY(extended_.set(name, value, flags));
    touch_changed();
    return {};
}

Result<> RamInode::remove_extended_attribute(std::string_view name) {
    Guard guard(extended_lock_);
    HUSK_TRY(extended_.remove(name));
    touch_changed();
    return {};
}

Result<Text> RamInode::extended_attribute_names() {
    Guard guard(extended_lock_);
    return extended_.names();
}

}  // namespace husk::fs
