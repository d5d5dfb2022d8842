// SPDX-License-Identifier: Apache-2.0
// Creating, linking, removing and moving names.
#include "guest-runtime/fs/ext4/directory_node.hpp"
#include "guest-runtime/fs/ext4/ext4.hpp"
#include "guest-runtime/fs/page_cache.hpp"

namespace husk::fs::ext4 {

namespace {

// Of an insertion with all the splits there can be: leaf, index nodes, their blocks, the inode.
constexpr std::uint32_t insert_credits = 4 * (2 + BlockAllocator::credits_per_group) + ExtentTree::credits + 2;
constexpr std::uint32_t most_links = 65000;

}  // namespace

Result<RefPtr<Inode>> DirectoryNode::create(std::string_view name, const NewInode& wanted) {
    return volume().with_room([&] { return create_in(name, wanted); });
}

Result<RefPtr<Inode>> DirectoryNode::create_in(std::string_view name, const NewInode& wanted) {
    if (links() == 0) return Errno::enoent;
    if (HUSK_TRY(find(name))) return Errno::eexist;
    RefPtr<Node> node;
    journal::Handle handle = HUSK_TRY(volume().begin(insert_credits + Ext4::new_node_credits + 8));
    HUSK_TRY(make_room(handle, name));
    node = HUSK_TRY(ext4().new_node(handle, *this, wanted));
    bool is_directory = wanted.type == FileType::directory;
    if (is_directory) {
        auto& directory = static_cast<DirectoryNode&>(*node);
        block::BufferRef first;
        directory.update([](InodeRecord& record) { record.links = 2; });
        if (auto appended = directory.append_block(handle, first); !appended.ok()) {
            HUSK_TRY(volume().inodes().release(handle, node->number(), true));
            return appended.error();
        }
        DirectoryBlock block = view(*first);
        block.format_first(node->number(), number(), block.area_bytes());
        block.seal(node->seed());
    } else {
        node->update([](InodeRecord& record) { record.links = 1; });
        if (auto stored = node->store(handle); !stored.ok()) {
            return finish(handle, stored, "a new inode could not be stored").error();
        }
    }
    if (auto done = put(handle, name, *node); !done.ok()) {
        return finish(handle, done, "a new name could not be stored").error();
    }
    if (is_directory) {
        add_links(1);
        if (auto done = store(handle); !done.ok()) {
            return finish(handle, done, "a new directory could not be stored").error();
        }
    }
    handle.end();
    return RefPtr<Inode>(ext4().nodes().insert(std::move(node)));
}

Result<RefPtr<Inode>> DirectoryNode::create_unnamed(std::uint32_t permissions) {
    if (links() == 0) return Errno::enoent;
    return volume().with_room([&]() -> Result<RefPtr<Inode>> {
        RefPtr<Node> node;
        journal::Handle handle = HUSK_TRY(volume().begin(Ext4::new_node_credits + OrphanList::credits));
        node = HUSK_TRY(
            ext4().new_node(handle, *this, {.type = FileType::regular, .permissions = permissions, .target = {}}));
        if (PageCache* pages = node->page_cache()) pages->orphan(true);
        auto listed = ext4().orphans().add(handle, *node);
        handle.end();
        if (!listed.ok()) return listed.error();
        return RefPtr<Inode>(std::move(node));
    });
}

Result<> DirectoryNode::link(std::string_view name, Inode& target) {
    auto& node = static_cast<Node&>(target);
    return volume().with_room([&]() -> Result<> {
        if (HUSK_TRY(find(name))) return Errno::eexist;
        if (node.is_directory()) return Errno::eperm;
        if (node.links() >= most_links) return Errno::emlink;
        bool was_unnamed = node.links() == 0;
        {
            journal::Handle handle = HUSK_TRY(volume().begin(insert_credits + OrphanList::credits + Node::credits));
            HUSK_TRY(make_room(handle, name));
            Result<> done = put(handle, name, node);
            node.add_links(1);
            if (done.ok() && was_unnamed) done = ext4().orphans().remove(handle, node);
            if (done.ok()) done = node.store(handle);
            HUSK_TRY(finish(handle, done, "a new link could not be stored"));
        }
        if (was_unnamed) {
            if (PageCache* pages = node.page_cache()) pages->orphan(false);
            ext4().nodes().insert(RefPtr<Node>(&node));
        }
        return {};
    });
}

Result<> DirectoryNode::unlink(std::string_view name) {
    Found place = HUSK_TRY(find(name));
    if (!place) return Errno::enoent;
    RefPtr<Node> node = HUSK_TRY(child(place->entry));
    if (node->is_directory()) return Errno::eisdir;
    journal::Handle handle = HUSK_TRY(volume().begin(OrphanList::credits + 4));
    HUSK_TRY(remove(handle, *place));
    Result<> done = on_removed(handle, *node);
    *place = {};
    done = finish(handle, done, "the removal of a name could not be stored");
    handle.end();
    return done;
}

Result<> DirectoryNode::remove_directory(std::string_view name) {
    Found place = HUSK_TRY(find(name));
    if (!place) return Errno::enoent;
    RefPtr<Node> node = HUSK_TRY(child(place->entry));
    if (!node->is_directory()) return Errno::enotdir;
    if (!HUSK_TRY(static_cast<DirectoryNode&>(*node).is_empty())) return Errno::enotempty;
    journal::Handle handle = HUSK_TRY(volume().begin(OrphanList::credits + 4));
    HUSK_TRY(remove(handle, *place));
    Result<> done = on_removed(handle, *node);
    *place = {};
    done = finish(handle, done, "the removal of a directory could not be stored");
    handle.end();
    return done;
}

}  // namespace husk::fs::ext4
