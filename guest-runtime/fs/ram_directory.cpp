// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/ram_directory.hpp"

#include "guest-runtime/fs/make_ref_as.hpp"

namespace husk::fs {

namespace {

constexpr std::uint64_t entry_size_bytes = 20;  // what a directory's st_size counts for an entry, as tmpfs does
constexpr std::uint32_t max_links = 65000;
constexpr std::uint32_t set_group = 02000;  // in a directory, what is made there takes its group

}  // namespace

void RamDirectory::become_root() {
    parent_ = this;
    add_links(2);
}

void RamDirectory::describe(Attributes& attributes) {
    attributes.size_bytes = (2 + std::uint64_t{entries_.count()}) * entry_size_bytes;
}

Result<RefPtr<Inode>> RamDirectory::lookup(std::string_view name) {
    fill();
    RamEntry* entry = entries_.find(name);
    if (entry == nullptr) return Errno::enoent;
    return RefPtr<Inode>(entry->inode);
}

void RamDirectory::on_arrival(Inode& inode) {
    if (inode.is_directory()) {
        static_cast<RamDirectory&>(inode).parent_ = this;
        add_links(1);
    }
    touch_modified();
}

void RamDirectory::on_departure(Inode& inode) {
    if (inode.is_directory()) add_links(-1);
    touch_modified();
}

void RamDirectory::on_removal(Inode& inode) {
    on_departure(inode);
    if (inode.is_directory()) {
        auto& directory = static_cast<RamDirectory&>(inode);
        directory.parent_ = nullptr;
        directory.add_links(-2);
    } else {
        static_cast<RamInode&>(inode).add_links(-1);
    }
}

Result<RefPtr<Inode>> RamDirectory::create(std::string_view name, const NewInode& wanted) {
    fill();
    if (parent_ == nullptr) return Errno::enoent;
    if (entries_.find(name) != nullptr) return Errno::eexist;
    HUSK_TRY(RamFilesystem::check_room(1));
    NewInode made = wanted;
    AttributeChange inherited;
    if (Attributes own = attributes(); (own.mode & set_group) != 0) {
        inherited.group = own.group;
        if (wanted.type == FileType::directory) made.permissions |= set_group;
    }
    RefPtr<Inode> inode = HUSK_TRY(make_ram_inode(ram(), made));
    if (inherited.group) HUSK_TRY(inode->change(inherited));
    HUSK_TRY(entries_.add(name, inode));
    static_cast<RamInode&>(*inode).add_links(inode->is_directory() ? 2 : 1);
    on_arrival(*inode);
    return inode;
}

Result<RefPtr<Inode>> RamDirectory::create_unnamed(std::uint32_t permissions) {
    if (parent_ == nullptr) return Errno::enoent;
    HUSK_TRY(RamFilesystem::check_room(1));
    return make_ram_inode(ram(), {.type = FileType::regular, .permissions = permissions, .target = {}});
}

Result<> RamDirectory::link(std::string_view name, Inode& target) {
    fill();
    if (parent_ == nullptr) return Errno::enoent;
    if (entries_.find(name) != nullptr) return Errno::eexist;
    if (target.is_directory()) return Errno::eperm;
    if (target.attributes().links >= max_links) return Errno::emlink;
    HUSK_TRY(RamFilesystem::check_room(1));
    HUSK_TRY(entries_.add(name, RefPtr<Inode>(&target)));
    static_cast<RamInode&>(target).add_links(1);
    touch_modified();
    return {};
}

Result<> RamDirectory::unlink(std::string_view name) {
    fill();
    RamEntry* entry = entries_.find(name);
    if (entry == nullptr) return Errno::enoent;
    if (entry->inode->is_directory()) return Errno::eisdir;
    RefPtr<Inode> inode = entries_.remove(entry);
    on_removal(*inode);
    return {};
}

Result<> RamDirectory::remove_directory(std::string_view name) {
    RamEntry* entry = entries_.find(name);
    if (entry == nullptr) return Errno::enoent;
    if (!entry->inode->is_directory()) return Errno::enotdir;
    auto& directory = static_cast<RamDirectory&>(*entry->inode);
    directory.fill();
    if (directory.entries_.count() != 0) return Errno::enotempty;
    RefPtr<Inode> inode = entries_.remove(entry);
    on_removal(*inode);
    return {};
}

Result<> RamDirectory::exchange(RamEntry& entry, RamDirectory& to, RamEntry& other) {
    std::swap(entry.inode, other.inode);
    on_departure(*other.inode);
    to.on_departure(*entry.inode);
    on_arrival(*entry.inode);
    to.on_arrival(*other.inode);
    static_cast<RamInode*>(entry.inode)->touch_changed();
    static_cast<RamInode*>(other.inode)->touch_changed();
    return {};
}

Result<> RamDirectory::rename(std::string_view name, Inode& to_inode, std::string_view new_name, RenameMode mode) {
    auto& to = static_cast<RamDirectory&>(to_inode);
    fill();
    to.fill();
    RamEntry* entry = entries_.find(name);
    if (entry == nullptr || to.parent_ == nullptr) return Errno::enoent;
    RamEntry* other = to.entries_.find(new_name);
    if (mode == RenameMode::exchange) return other == nullptr ? Result<>(Errno::enoent) : exchange(*entry, to, *other);
    RefPtr<Inode> moved(entry->inode);
    if (other != nullptr) {
        if (mode == RenameMode::no_replace) return Errno::eexist;
        if (other->inode == entry->inode) return {};
        if (moved->is_directory()) {
            if (!other->inode->is_directory()) return Errno::enotdir;
            auto& replaced = static_cast<RamDirectory&>(*other->inode);
            replaced.fill();
            if (replaced.entries_.count() != 0) return Errno::enotempty;
        } else if (other->inode->is_directory()) {
            return Errno::eisdir;
        }
        // The name leads from the old object to the new one in one step.
        auto old = RefPtr<Inode>::adopt(other->inode);
        other->inode = RefPtr<Inode>(moved).leak();
        to.on_removal(*old);
    } else {
        HUSK_TRY(to.entries_.add(new_name, moved));
    }
    entries_.remove(entries_.find(name));
    on_departure(*moved);
    to.on_arrival(*moved);
    static_cast<RamInode&>(*moved).touch_changed();
    return {};
}

Result<> RamDirectory::list(std::uint64_t position, DirectoryVisitor& visitor) {
    fill();
    constexpr std::uint64_t first_slot = 2;
    std::uint64_t own = attributes().number;
    if (parent_ == nullptr) return {};  // removed: not even "." is left
    if (position == 0 && !visitor.visit(".", own, FileType::directory, 1)) return {};
    if (position <= 1 && !visitor.visit("..", parent_->attributes().number, FileType::directory, 2)) return {};
    for (std::uint64_t slot = position < first_slot ? 0 : position - first_slot; slot < entries_.slot_end(); ++slot) {
        RamEntry* entry = entries_.at_slot(static_cast<std::uint32_t>(slot));
        if (entry == nullptr) continue;
        Inode& inode = *entry->inode;
        if (!visitor.visit(entry->name(), inode.attributes().number, inode.type(), slot + first_slot + 1)) return {};
    }
    touch_accessed();
    return {};
}

}  // namespace husk::fs
