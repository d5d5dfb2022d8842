// SPDX-License-Identifier: Apache-2.0
// Moving a name: one transaction, so that every moment before or after a crash has the old names or the new ones.
#include "guest-runtime/fs/ext4/directory_node.hpp"
#include "guest-runtime/fs/ext4/ext4.hpp"

namespace husk::fs::ext4 {

namespace {

constexpr std::uint32_t rename_credits =
    4 * (2 + BlockAllocator::credits_per_group) + ExtentTree::credits + OrphanList::credits + 12;

}  // namespace

struct DirectoryNode::Rename {
    std::string_view name;
    DirectoryNode& to;
    std::string_view new_name;
    RenameMode mode;
};

Result<> DirectoryNode::rename(std::string_view name, Inode& to, std::string_view new_name, RenameMode mode) {
    Rename rename{name, static_cast<DirectoryNode&>(to), new_name, mode};
    return volume().with_room([&] { return rename_in(rename); });
}

Result<> DirectoryNode::rename_in(const Rename& rename) {
    DirectoryNode& to = rename.to;
    Found from = HUSK_TRY(find(rename.name));
    if (!from || to.links() == 0) return Errno::enoent;
    Found other = HUSK_TRY(to.find(rename.new_name));
    RefPtr<Node> moved = HUSK_TRY(child(from->entry));
    RefPtr<Node> replaced;
    if (other) {
        replaced = HUSK_TRY(to.child(other->entry));
        if (rename.mode == RenameMode::no_replace) return Errno::eexist;
        if (replaced == moved) return {};
    }
    if (rename.mode == RenameMode::exchange) {
        if (!other) return Errno::enoent;
        journal::Handle handle = HUSK_TRY(volume().begin(rename_credits));
        return finish(handle, exchange(handle, rename, *from, *other), "an exchange of names could not be stored");
    }
    if (replaced) {
        if (moved->is_directory()) {
            if (!replaced->is_directory()) return Errno::enotdir;
            if (!HUSK_TRY(static_cast<DirectoryNode&>(*replaced).is_empty())) return Errno::enotempty;
        } else if (replaced->is_directory()) {
            return Errno::eisdir;
        }
    }
    journal::Handle handle = HUSK_TRY(volume().begin(rename_credits));
    if (!other) HUSK_TRY(to.make_room(handle, rename.new_name));
    auto change = [&]() -> Result<> {
        if (other) {
            HUSK_TRY(to.point(handle, *other, *moved));
            HUSK_TRY(to.on_removed(handle, *replaced));
        } else {
            HUSK_TRY(to.put(handle, rename.new_name, *moved));
        }
        // Room for the new name may have moved the old one.
        from = HUSK_TRY(find(rename.name));
        if (!from) return Errno::euclean;
        HUSK_TRY(remove(handle, *from));
        if (moved->is_directory() && &to != this) {
            HUSK_TRY(static_cast<DirectoryNode&>(*moved).set_parent(handle, to.number()));
            add_links(-1);
            HUSK_TRY(store(handle));
            to.add_links(1);
            HUSK_TRY(to.store(handle));
        }
        moved->touch(false);
        return moved->store(handle);
    };
    Result<> done = change();
    from = {};
    other = {};
    done = finish(handle, done, "a new place of a name could not be stored");
    handle.end();
    return done;
}

Result<> DirectoryNode::exchange(journal::Handle& handle, const Rename& rename, Place& from, Place& other) {
    DirectoryNode& to = rename.to;
    auto first = ext4().nodes().find(from.entry.inode);
    auto second = ext4().nodes().find(other.entry.inode);
    if (!first || !second) return Errno::euclean;
    HUSK_TRY(point(handle, from, *second));
    HUSK_TRY(to.point(handle, other, *first));
    if (&to != this) {
        if (first->is_directory()) HUSK_TRY(static_cast<DirectoryNode&>(*first).set_parent(handle, to.number()));
        if (second->is_directory()) HUSK_TRY(static_cast<DirectoryNode&>(*second).set_parent(handle, number()));
        int change = (second->is_directory() ? 1 : 0) - (first->is_directory() ? 1 : 0);
        if (change != 0) {
            add_links(change);
            to.add_links(-change);
        }
    }
    first->touch(false);
    second->touch(false);
    HUSK_TRY(first->store(handle));
    HUSK_TRY(second->store(handle));
    HUSK_TRY(store(handle));
    return to.store(handle);
}

}  // namespace husk::fs::ext4
