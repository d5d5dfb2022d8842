// SPDX-License-Identifier: Apache-2.0
// The cached pages of one inode whose bytes lie on a disk: read ahead, written back later, dropped when memory is
// short.
//
// An inode that has one returns it from Inode::page_cache() and passes on:
//   page_for_read -> page_for_read, page_for_write -> page_for_write, page_for_mapping -> page_for_mapping,
//   written_to -> on_written, resize -> resize, punch_hole -> drop_range, sync -> write_back (then journal, flush).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "guest-runtime/base/intrusive_list.hpp"
#include "guest-runtime/base/result.hpp"
#include "guest-runtime/base/spinlock.hpp"
#include "guest-runtime/fs/block/block_map.hpp"
#include "guest-runtime/fs/page_tree.hpp"
#include "guest-runtime/thread/wait_queue.hpp"

namespace husk::fs {

class Inode;
class PageFill;
class WriteBack;

struct CacheListTag;

class PageCache : public ListNode<CacheListTag> {
public:
    // While pages are dirty the cache holds a reference on `owner`, so that an inode nobody uses any more is written
    // before it goes; see orphan().
    PageCache(Inode& owner, BlockMap& map);
    // Waits for transfers in flight and forgets what is dirty. In the owner's destructor, before `map` goes.
    ~PageCache();
    PageCache(const PageCache&) = delete;
    PageCache& operator=(const PageCache&) = delete;

    // As in Inode, with a reference for the caller, but never a hole. EIO; ENOMEM; what reserve() says.
    Result<abi::GuestPhys> page_for_read(std::uint64_t index);
    Result<abi::GuestPhys> page_for_write(std::uint64_t index);
    Result<abi::GuestPhys> page_for_mapping(std::uint64_t index, bool for_write);
    // A page of which every byte is new: takes over `frame` and its reference, without reading the disk first. On an
    // error the frame stays the caller's.
    Result<> put_page(std::uint64_t index, abi::GuestPhys frame);
    [[nodiscard]] bool is_resident(std::uint64_t index);

    // [begin, end) has been written through page_for_write(): what the application copied is dirty now. With
    // contents() held as from page_for_write() on.
    void on_written(std::uint64_t begin, std::uint64_t end);
    // A read of these bytes follows: fetches what is missing with as few requests as possible. Errors show in the read.
    void about_to_read(std::uint64_t begin, std::uint64_t end);

    // Writes what is dirty in the bytes [begin, end) and waits for it, also where it is being written already. Not a
    // flush of the device. Pages that the application has mapped for writing stay dirty. The first error, also of a
    // write in the background since the last call.
    Result<> write_back(std::uint64_t begin, std::uint64_t end);
    // The file becomes `size_bytes` long: pages behind it go, after transfers in flight, and the rest of the last one
    // becomes zeros. Call it with contents() held, before blocks behind the end are freed.
    void resize(std::uint64_t size_bytes);
    // Drops the pages of [begin, end), dirty or not, and zeroes what the range has of the pages at its ends (they
    // become dirty). As resize(), before blocks are freed.
    Result<> drop_range(std::uint64_t begin, std::uint64_t end);
    // Drops clean pages of [begin, end) that nobody else holds, so that the next read comes from the disk.
    void drop_clean(std::uint64_t begin, std::uint64_t end);

    // The file has lost its last name (or has got one again): dirty pages no longer keep it alive.
    void orphan(bool yes);

    [[nodiscard]] std::uint64_t page_count();
    [[nodiscard]] bool is_dirty();
    [[nodiscard]] Inode& owner() const { return owner_; }
    [[nodiscard]] BlockMap& map() const { return map_; }

private:
    friend class PageFill;
    friend class WriteBack;
    friend class CacheList;

    Inode& owner_;
    BlockMap& map_;
};

// All caches of the VM.
struct CacheCounts {
    std::uint64_t pages;
    std::uint64_t dirty_pages;
};
[[nodiscard]] CacheCounts page_cache_counts();
// Writes back everything of the inodes for which wanted() holds; the first error.
Result<> write_back_all(bool (*wanted)(Inode&, void*), void* context);
// Drops up to that many clean pages that nobody holds; returns how many. Never sleeps; skips what is locked.
std::uint64_t shrink_page_caches(std::uint64_t pages);
// After a write, with no lock held: when too much is dirty, the writer waits for some of it.
void balance_dirty_pages(PageCache& cache);

}  // namespace husk::fs
