// SPDX-License-Identifier: Apache-2.0
// What a path leads to: one object of a file system, as every file system presents it to the system calls.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include <husk/abi/guest_address.hpp>

#include "guest-runtime/base/ref_ptr.hpp"
#include "guest-runtime/base/result.hpp"
#include "guest-runtime/fs/file_locks.hpp"
#include "guest-runtime/fs/open_flags.hpp"
#include "guest-runtime/fs/text.hpp"
#include "guest-runtime/thread/mutex.hpp"

namespace husk::fs {

class File;
class Filesystem;
class Inode;
class PageCache;

// What stat(2) shows.
struct Attributes {
    std::uint64_t number = 0;
    std::uint32_t mode = 0;  // type and permissions
    std::uint32_t links = 1;
    std::uint32_t user = 0;
    std::uint32_t group = 0;
    std::uint64_t represented_device = 0;  // st_rdev
    std::uint64_t size_bytes = 0;
    std::uint64_t blocks_512 = 0;
    std::int64_t accessed_ns = 0;  // since 1970
    std::int64_t modified_ns = 0;
    std::int64_t changed_ns = 0;
    std::int64_t born_ns = 0;
};

struct AttributeChange {
    std::optional<std::uint32_t> permissions;
    std::optional<std::uint32_t> user;
    std::optional<std::uint32_t> group;
    std::optional<std::int64_t> accessed_ns;
    std::optional<std::int64_t> modified_ns;
};

struct NewInode {
    FileType type = FileType::regular;
    std::uint32_t permissions = 0;  // the umask already taken off
    std::uint64_t represented_device = 0;
    std::string_view target;  // of a symlink
};

// Receives the entries of a directory; false ends the listing in front of the entry.
struct DirectoryVisitor {
    // `next` is where a listing goes on behind this entry.
    virtual bool visit(std::string_view name, std::uint64_t number, FileType type, std::uint64_t next) = 0;

protected:
    ~DirectoryVisitor() = default;
};

enum class RenameMode { replace, no_replace, exchange };

// The calls that a kind of inode does not serve answer with the errno that Linux gives for that kind.
class Inode : public RefCounted {
public:
    Inode(Filesystem& filesystem, FileType type) : filesystem_(&filesystem), type_(type) {}

    [[nodiscard]] Filesystem& filesystem() const { return *filesystem_; }
    [[nodiscard]] FileType type() const { return type_; }
    [[nodiscard]] bool is_directory() const { return type_ == FileType::directory; }
    [[nodiscard]] bool is_regular() const { return type_ == FileType::regular; }

    virtual Attributes attributes() = 0;
    virtual Result<> change(const AttributeChange&) { return Errno::eperm; }

    // Directories. The caller holds filesystem().structure(); names are neither empty nor "." nor "..".
    virtual Result<RefPtr<Inode>> lookup(std::string_view) { return Errno::enotdir; }
    virtual RefPtr<Inode> parent() { return {}; }  // of the root: null
    virtual Result<RefPtr<Inode>> create(std::string_view, const NewInode&) { return Errno::eperm; }
    virtual Result<RefPtr<Inode>> create_unnamed(std::uint32_t) { return Errno::eopnotsupp; }  // O_TMPFILE
    virtual Result<> link(std::string_view, Inode&) { return Errno::eperm; }
    virtual Result<> unlink(std::string_view) { return Errno::eperm; }            // not a directory
    virtual Result<> remove_directory(std::string_view) { return Errno::eperm; }  // ENOTEMPTY
    // `to` is a directory of the same file system; neither name is an ancestor of the other.
    virtual Result<> rename(std::string_view, Inode&, std::string_view, RenameMode) { return Errno::eperm; }
    // From where a listing stands (0: the start) until the visitor refuses. "." and ".." are included.
    virtual Result<> list(std::uint64_t, DirectoryVisitor&) { return Errno::enotdir; }

    // Symlinks: the text, and for the links in /proc that lead to objects rather than paths, the object.
    virtual Result<Text> target() { return Errno::einval; }
    virtual Result<RefPtr<Inode>> jump() { return RefPtr<Inode>(); }

    // Contents of regular files, by pages. A frame comes with a reference (memory/frames.hpp) that the caller owns;
    // gpa 0: a hole, which reads as zeros. No call here sleeps while pages are resident.
    virtual std::uint64_t size_bytes() { return attributes().size_bytes; }
    virtual Result<abi::GuestPhys> page_for_read(std::uint64_t) { return Errno::einval; }
    virtual Result<abi::GuestPhys> page_for_write(std::uint64_t) { return Errno::einval; }
    // The frame behind a mapping, never gpa 0. In the RAM file system a hole becomes a page even for a reader: a
    // private and a shared mapping of it must go on seeing what is written.
    virtual Result<abi::GuestPhys> page_for_mapping(std::uint64_t index, bool /*for_write*/) {
        return page_for_write(index);
    }
    // What holds the pages of an inode on a disk; null: they are in RAM anyway.
    virtual PageCache* page_cache() { return nullptr; }
    virtual Result<> resize(std::uint64_t) { return Errno::einval; }
    // [begin, end) has been written: the size becomes at least `end`, and the times move. With contents() held.
    virtual void written_to(std::uint64_t /*begin*/, std::uint64_t /*end*/) {}
    virtual void was_read() {}
    // Before a write of [begin, end), with contents() held: how far it may go, behind `begin`; a file system finds room
    // for it here. EPERM, ENOSPC, EROFS.
    virtual Result<std::uint64_t> prepare_write(std::uint64_t /*begin*/, std::uint64_t end) { return end; }
    virtual Result<> allocate(std::uint64_t, std::uint64_t, bool /*keep_size*/) { return Errno::eopnotsupp; }
    virtual Result<> punch_hole(std::uint64_t, std::uint64_t) { return Errno::eopnotsupp; }
    // The first byte at or behind `offset` that is data (or a hole); ENXIO when there is none.
    virtual Result<std::uint64_t> seek_data(std::uint64_t offset, bool hole);
    virtual Result<> sync(bool /*data_only*/) { return {}; }

    // Seals of memfd_create(2).
    virtual Result<std::uint32_t> seals() { return Errno::einval; }
    virtual Result<> add_seals(std::uint32_t) { return Errno::einval; }

    // Extended attributes.
    virtual Result<Text> extended_attribute(std::string_view) { return Errno::eopnotsupp; }
    virtual Result<> set_extended_attribute(std::string_view, std::string_view, int /*flags*/) {
        return Errno::eopnotsupp;
    }
    virtual Result<> remove_extended_attribute(std::string_view) { return Errno::eopnotsupp; }
    virtual Result<Text> extended_attribute_names() { return Text(); }  // each ends in NUL

    // A new open description. May sleep (a FIFO waits for its other end). The default serves regular files,
    // directories and device nodes.
    virtual Result<RefPtr<File>> open(std::uint32_t flags);

    // What /proc/self/fd shows for an object without a place; empty for those that have one.
    virtual Result<Text> description() { return Text(); }

    // Held for a write as a whole, so that writes and changes of the size do not mix.
    thread::Mutex& contents() { return contents_; }
    // Locks that open descriptions hold on this file.
    FileLocks& locks() { return locks_; }
    // Another file system is mounted here.
    [[nodiscard]] bool is_mount_point() const { return mount_point_; }
    void set_mount_point(bool yes) { mount_point_ = yes; }

private:
    Filesystem* filesystem_;
    FileType type_;
    bool mount_point_ = false;
    thread::Mutex contents_;
    FileLocks locks_;
};

}  // namespace husk::fs
