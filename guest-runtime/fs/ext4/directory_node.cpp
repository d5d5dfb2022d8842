// SPDX-License-Identifier: Apache-2.0
// Looking into directories.
#include "guest-runtime/fs/ext4/directory_node.hpp"

#include "guest-runtime/fs/ext4/ext4.hpp"

namespace husk::fs::ext4 {

bool DirectoryNode::is_indexed() { return (record().flags & inode_flag::indexed) != 0; }

std::uint32_t DirectoryNode::block_count() {
    std::uint64_t blocks = record().size_bytes >> volume().superblock().block_bits;
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(blocks, ExtentTree::block_limit));
}

// A block as it is; the caller checks it.
Result<block::BufferRef> DirectoryNode::raw_block(std::uint32_t logical) {
    if (logical >= block_count()) return Errno::euclean;
    Mapping mapping = HUSK_TRY(map(logical));
    if (mapping.kind != Mapping::Kind::written) return Errno::euclean;
    return volume().cache().get(mapping.physical);
}

Result<block::BufferRef> DirectoryNode::leaf(std::uint32_t logical) {
    block::BufferRef buffer = HUSK_TRY(raw_block(logical));
    if (buffer->is_verified()) return buffer;
    if (!DirectoryBlock::check(buffer->bytes(), seed(), volume().superblock()).ok()) {
        volume().report_damage("a directory contradicts itself", number());
        return Errno::euclean;
    }
    buffer->set_verified();
    return buffer;
}

Result<DirectoryNode::Found> DirectoryNode::find_linear(std::string_view name) {
    for (std::uint32_t logical = 0; logical < block_count(); ++logical) {
        block::BufferRef buffer = HUSK_TRY(leaf(logical));
        if (auto entry = view(*buffer).find(name)) return Found(Place{std::move(buffer), *entry});
    }
    return Found();
}

Result<DirectoryNode::Found> DirectoryNode::find_indexed(std::string_view name) {
    IndexPath path = HUSK_TRY(walk(0));
    NameHash wanted = HUSK_TRY(hash(name, path.hash_version));
    path = HUSK_TRY(walk(wanted.major));
    for (;;) {
        block::BufferRef buffer = HUSK_TRY(leaf(path.leaf()));
        if (auto entry = view(*buffer).find(name)) return Found(Place{std::move(buffer), *entry});
        // Names of one hash may go on in the next leaf, which is marked then.
        auto next = HUSK_TRY(advance(path));
        if (!next || *next != (wanted.major | 1)) return Found();
    }
}

Result<DirectoryNode::Found> DirectoryNode::find(std::string_view name) {
    HUSK_TRY(check_is_mapped());
    return is_indexed() ? find_indexed(name) : find_linear(name);
}

// Of the entry "..", the second of the first block.
Result<std::uint32_t> DirectoryNode::read_parent() {
    if (parent_number_ != 0) return parent_number_;
    block::BufferRef buffer = HUSK_TRY(raw_block(0));
    auto above = DirectoryBlock::parent_in(buffer->bytes());
    if (!above) return Errno::euclean;
    parent_number_ = *above;
    return parent_number_;
}

Result<RefPtr<Node>> DirectoryNode::child(const DirectoryEntry& entry) {
    std::uint32_t number = entry.inode;
    auto found = ext4().node(number);
    if (!found.ok()) {
        if (found.error() == Errno::euclean) volume().report_damage("a name leads to no inode", number);
        return found;
    }
    if (!found.value()->is_directory()) return found;
    // A directory that hangs elsewhere too would make circles.
    auto above = static_cast<DirectoryNode&>(*found.value()).read_parent();
    if (above.ok() && above.value() == this->number() && number != root_inode_number) return found;
    volume().report_damage("a directory is not where it says", number);
    return Errno::euclean;
}

Result<RefPtr<Inode>> DirectoryNode::lookup(std::string_view name) {
    if (links() == 0) return Errno::enoent;
    Found place = HUSK_TRY(find(name));
    if (!place) return Errno::enoent;
    RefPtr<Node> node = HUSK_TRY(child(place->entry));
    return RefPtr<Inode>(std::move(node));
}

RefPtr<Inode> DirectoryNode::parent() {
    if (number() == root_inode_number) return RefPtr<Inode>(this);
    auto above = links() == 0 ? Result<std::uint32_t>(Errno::enoent) : read_parent();
    if (!above.ok()) return {};
    auto found = ext4().node(above.value());
    if (!found.ok() || !found.value()->is_directory()) return {};
    return RefPtr<Inode>(std::move(found).value());
}

Result<bool> DirectoryNode::is_empty() {
    if (!is_indexed()) {
        for (std::uint32_t logical = 0; logical < block_count(); ++logical) {
            block::BufferRef buffer = HUSK_TRY(leaf(logical));
            if (!view(*buffer).is_empty()) return false;
        }
        return true;
    }
    IndexPath path = HUSK_TRY(walk(0));
    for (;;) {
        block::BufferRef buffer = HUSK_TRY(leaf(path.leaf()));
        if (!view(*buffer).is_empty()) return false;
        if (!HUSK_TRY(advance(path))) return true;
    }
}

Result<> DirectoryNode::list(std::uint64_t position, DirectoryVisitor& visitor) {
    if (links() == 0) return {};  // removed: not even "." is left
    HUSK_TRY(check_is_mapped());
    was_read();
    bool by_hash = (volume().superblock().compatible & compatible::dir_index) != 0;
    if (is_indexed() || (by_hash && block_count() == 1)) return list_indexed(position, visitor);
    unsigned bits = volume().superblock().block_bits;
    for (auto logical = static_cast<std::uint32_t>(std::min<std::uint64_t>(position >> bits, block_count()));
         logical < block_count(); ++logical) {
        block::BufferRef buffer = HUSK_TRY(leaf(logical));
        DirectoryBlock block = view(*buffer);
        std::uint64_t base = std::uint64_t{logical} << bits;
        for (auto entry = block.at(0); entry; entry = block.at(entry->end())) {
            if (entry->inode == 0 || base + entry->offset < position) continue;
            std::uint64_t next = entry->end() < block.area_bytes() ? base + entry->end() : base + (1u << bits);
            if (!visitor.visit(entry->name, entry->inode, entry->type, next)) return {};
        }
    }
    return {};
}

}  // namespace husk::fs::ext4
