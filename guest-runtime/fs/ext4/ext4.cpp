// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/ext4/ext4.hpp"

#include <atomic>
#include <new>

#include "guest-runtime/base/random.hpp"
#include "guest-runtime/fs/block/blocking.hpp"
#include "guest-runtime/fs/ext4/directory_node.hpp"
#include "guest-runtime/fs/ext4/other_nodes.hpp"
#include "guest-runtime/fs/ext4/regular_node.hpp"
#include "guest-runtime/fs/make_ref_as.hpp"
#include "guest-runtime/fs/page_cache_list.hpp"
#include "guest-runtime/thread/clock.hpp"

namespace husk::fs::ext4 {

namespace {

constexpr std::size_t most_buffers = 4096;
constexpr std::size_t most_unused_nodes = 4096;
constexpr std::uint64_t ext4_magic = 0xef53;  // f_type

std::uint64_t next_device_number() {
    static constinit std::atomic<std::uint32_t> minor = 0;
    constexpr std::uint32_t disk_major = 254;
    return make_device(disk_major, minor.fetch_add(16, std::memory_order_relaxed));
}

}  // namespace

Result<Filesystem*> open_ext4(block::BlockDevice& device, bool read_only) {
    Superblock superblock = HUSK_TRY(read_superblock(device));
    auto cache = HUSK_TRY(block::BufferCache::create(device, superblock.block_bytes, most_buffers));
    auto* filesystem = new (std::nothrow) Ext4(next_device_number(), device, superblock, std::move(cache));
    if (filesystem == nullptr) return Errno::enomem;
    if (auto opened = filesystem->open(read_only); !opened.ok()) {
        // Once the journal was started, its thread may still look at it.
        if (!filesystem->volume().is_started()) {
            delete filesystem;
        } else {
            static_cast<void>(filesystem->unmount());
        }
        return opened.error() == Errno::einval ? Errno::euclean : opened.error();
    }
    return filesystem;
}

Ext4::Ext4(std::uint64_t device_number, block::BlockDevice& device, const Superblock& superblock,
           RefPtr<block::BufferCache> cache)
    : Filesystem(device_number, "ext4"),
      volume_(device, superblock, std::move(cache)),
      attributes_(volume_),
      orphans_(volume_) {}

Ext4::~Ext4() = default;

Result<> Ext4::open(bool read_only) {
    HUSK_TRY(volume_.open(read_only));
    auto root_node = HUSK_TRY(node(root_inode_number));
    if (!root_node->is_directory()) return Errno::euclean;
    if (!volume_.is_read_only()) HUSK_TRY(clean_orphans());
    return {};
}

Result<RefPtr<Inode>> Ext4::root() {
    RefPtr<Node> root = HUSK_TRY(node(root_inode_number));
    return RefPtr<Inode>(std::move(root));
}

FilesystemCounts Ext4::counts() {
    const Superblock& superblock = volume_.superblock();
    return {.magic = ext4_magic,
            .block_bytes = superblock.block_bytes,
            .blocks = superblock.blocks - volume_.overhead_blocks(),
            .blocks_free = volume_.blocks().unpromised(),
            .inodes = superblock.inodes,
            .inodes_free = volume_.groups().free_inodes()};
}

Result<RefPtr<Node>> Ext4::make_node(std::uint32_t number, const InodeRecord& record) {
    auto type = static_cast<FileType>(record.mode & file_type_mask);
    switch (type) {
        case FileType::regular:
            return make_ref_as<Node, RegularNode>(*this, number, record);
        case FileType::directory:
            return make_ref_as<Node, DirectoryNode>(*this, number, record);
        case FileType::symlink:
            return make_ref_as<Node, SymlinkNode>(*this, number, record);
        case FileType::fifo:
        case FileType::character:
        case FileType::block:
        case FileType::socket:
            return make_ref_as<Node, SpecialNode>(*this, type, number, record);
        case FileType::none:
            break;
    }
    return Errno::euclean;
}

Result<RefPtr<Node>> Ext4::node(std::uint32_t number) {
    if (RefPtr<Node> found = nodes_.find(number)) return found;
    nodes_.shrink(most_unused_nodes);
    if (number != root_inode_number && number < volume_.superblock().first_inode) return Errno::euclean;
    InodePlace place = HUSK_TRY(volume_.inodes().find(number));
    auto record = parse_inode(place.bytes(), number, volume_.superblock());
    if (!record.ok()) {
        volume_.report_damage("an inode has a wrong checksum", number);
        return record.error();
    }
    if (record.value().links == 0 || (record.value().flags & inode_flag::inline_data) != 0) return Errno::euclean;
    RefPtr<Node> made = HUSK_TRY(make_node(number, record.value()));
    return nodes_.insert(std::move(made));
}

Result<RefPtr<Node>> Ext4::new_node(journal::Handle& handle, Node& parent, const NewInode& wanted) {
    constexpr std::uint32_t set_group = 02000;  // in a directory, what is made there takes its group
    bool is_directory = wanted.type == FileType::directory;
    std::uint32_t number = HUSK_TRY(volume_.inodes().allocate(handle, parent.number(), is_directory));
    InodeRecord parent_record = parent.record();
    InodeRecord record;
    record.mode = static_cast<std::uint32_t>(wanted.type) | (wanted.permissions & permission_mask);
    if ((parent_record.mode & set_group) != 0) {
        record.group = parent_record.group;
        if (is_directory) record.mode |= set_group;
    }
    record.accessed_ns = record.modified_ns = record.changed_ns = record.born_ns = thread::realtime_ns();
    record.extra_bytes = volume_.superblock().wanted_extra_bytes;
    fill_random(std::as_writable_bytes(std::span(&record.generation, 1)));
    if (wanted.type == FileType::regular || is_directory) {
        record.flags = inode_flag::extents;
        ExtentTree::format_root(record.area);
    } else if (wanted.type == FileType::character || wanted.type == FileType::block) {
        set_device(record, wanted.represented_device);
    }
    auto made = make_node(number, record);
    Result<> prepared = made.ok() ? Result<>() : Result<>(made.error());
    if (prepared.ok() && wanted.type == FileType::symlink) {
        prepared = static_cast<SymlinkNode&>(*made.value()).set_target(handle, wanted.target);
    }
    if (prepared.ok()) prepared = made.value()->store_new(handle);
    if (!prepared.ok()) {
        HUSK_TRY(volume_.inodes().release(handle, number, is_directory));
        if (made.ok()) made.value()->abandon();
        return prepared.error();
    }
    return made;
}

Result<> Ext4::store_dirty() {
    Result<> first;
    while (RefPtr<Node> node = dirty_.first()) {
        auto stored = node->store_if_dirty();
        if (!stored.ok() && first.ok()) first = stored.error();
    }
    return first;
}

Result<> Ext4::sync() {
    if (volume_.is_read_only()) return {};
    Result<> written = write_all();
    bool flushed = HUSK_TRY(volume_.journal().sync());
    if (!flushed) HUSK_TRY(block::flush(volume_.device()));
    return written;
}

Result<> Ext4::write_all() {
    Result<> written = page_caches().write_back_all(this);
    Result<> stored = store_dirty();
    return written.ok() ? stored : written;
}

// As sync(), but that a mount without changes ends without a flush.
Result<> Ext4::unmount() {
    if (volume_.is_read_only()) return volume_.close();
    Result<> freed = free_nameless();
    Result<> written = write_all();
    // Before close() looks whether anything was committed.
    auto committed = volume_.journal().sync();
    HUSK_TRY(volume_.close());
    if (!committed.ok()) return committed.error();
    if (volume_.device().was_changed()) HUSK_TRY(block::flush(volume_.device()));
    return freed.ok() ? written : freed;
}

// The application may end with files open that have no name any more.
Result<> Ext4::free_nameless() {
    while (RefPtr<Node> node = orphans_.find_nameless()) HUSK_TRY(node->free());
    return {};
}

// What a crash left: inodes without a name go, those that were being truncated are truncated again.
Result<> Ext4::clean_orphans() {
    while (std::uint32_t number = volume_.last_orphan()) {
        Result<> cleaned = clean_orphan(number);
        if (cleaned.ok() && volume_.last_orphan() != number) continue;
        if (volume_.is_read_only()) return Errno::eio;
        // e2fsck finds what is lost with the rest of the list.
        volume_.report_damage("the list of orphans is damaged", number);
        journal::Handle handle = HUSK_TRY(volume_.begin(1));
        HUSK_TRY(volume_.set_last_orphan(handle, 0));
    }
    return {};
}

Result<> Ext4::clean_orphan(std::uint32_t number) {
    if (number < volume_.superblock().first_inode) return Errno::euclean;
    InodePlace place = HUSK_TRY(volume_.inodes().find(number));
    InodeRecord record = HUSK_TRY(parse_inode(place.bytes(), number, volume_.superblock()));
    RefPtr<Node> orphan = HUSK_TRY(make_node(number, record));
    orphans_.adopt(*orphan);
    if (record.links == 0) return {};  // goes with its last reference, now
    std::uint64_t block_bytes = volume_.superblock().block_bytes;
    HUSK_TRY(orphan->free_blocks_from((record.size_bytes + block_bytes - 1) / block_bytes));
    journal::Handle handle = HUSK_TRY(volume_.begin(OrphanList::credits));
    return orphans_.remove(handle, *orphan);
}

}  // namespace husk::fs::ext4
