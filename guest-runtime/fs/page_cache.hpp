// SPDX-License-Identifier: Apache-2.0
// The cached pages of one inode whose bytes lie on a disk: read ahead, written back later, dropped when memory is
// short.
//
// An inode that has one returns it from Inode::page_cache() and passes on:
//   page_for_read -> page_for_read, page_for_write -> page_for_write, page_for_mapping -> page_for_mapping,
//   resize -> resize, punch_hole -> drop_range (with a PageBarrier until the blocks are freed),
//   sync -> write_back (then journal, flush).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "guest-runtime/base/intrusive_list.hpp"
#include "guest-runtime/base/result.hpp"
#include "guest-runtime/base/spinlock.hpp"
#include "guest-runtime/fs/block/block_map.hpp"
#include "guest-runtime/fs/cached_page.hpp"
#include "guest-runtime/fs/page_tree.hpp"
#include "guest-runtime/fs/read_ahead.hpp"
#include "guest-runtime/thread/wait_queue.hpp"

namespace husk::fs {

class DirectRead;
class Inode;
class PageBarrier;
class PageFill;
class PageWriteBack;

struct CacheTag;
struct DirtyCacheTag;

class PageCache : public ListNode<CacheTag>, public ListNode<DirtyCacheTag> {
public:
    // While pages are dirty the cache holds a reference on `owner`, so that an inode nobody uses any more is written
    // before it goes; see orphan().
    PageCache(Inode& owner, BlockMap& map);
    // Waits for transfers in flight and forgets what is dirty. In the owner's destructor, before `map` goes.
    ~PageCache();
    PageCache(const PageCache&) = delete;
    PageCache& operator=(const PageCache&) = delete;

    // As in Inode, with a reference for the caller, but never a hole. EIO, ENOMEM. Who writes has reserved blocks for
    // it (Inode::prepare_write()); page_for_mapping() does that by itself, up to the end of the file, and ENXIO behind.
    Result<abi::GuestPhys> page_for_read(std::uint64_t index) { return take_page(index, page_state::used); }
    Result<abi::GuestPhys> page_for_write(std::uint64_t index) {
        return take_page(index, page_state::used | page_state::dirty);
    }
    Result<abi::GuestPhys> page_for_mapping(std::uint64_t index, bool for_write);
    // A page of which every byte is new: takes over `frame` and its reference, without reading the disk first. On an
    // error the frame stays the caller's.
    Result<> put_page(std::uint64_t index, abi::GuestPhys frame);
    [[nodiscard]] bool is_resident(std::uint64_t index);

    // [begin, end) has been written through page_for_write(): what was copied since then is dirty now. With contents()
    // held as from page_for_write() on.
    void on_written(std::uint64_t begin, std::uint64_t end);
    // A read of these bytes follows: asks for what is missing with few requests. Errors show in the read.
    void about_to_read(std::uint64_t begin, std::uint64_t end);

    // Writes what is dirty in the bytes [begin, end) and waits for it, also where it is being written already. Not a
    // flush of the device. Pages that the application has mapped for writing stay dirty. The first error, also of a
    // write in the background since the last call.
    Result<> write_back(std::uint64_t begin, std::uint64_t end);
    // The same, which leaves the error for the next write_back(). At most so many pages; false: nothing was dirty.
    bool write_some(std::uint64_t most_pages);

    // The file has become shorter, and map.size_bytes() says so already: pages behind the end go, after transfers in
    // flight, and the rest of the last one becomes zeros, on the disk too. With contents() held. Blocks behind the end
    // are freed while `barrier` lives. EIO, ENOMEM.
    Result<> resize(std::uint64_t size_bytes, PageBarrier& barrier);
    // Drops the pages of [begin, end), dirty or not, and zeroes what the range has of the pages at its ends. As
    // resize().
    Result<> drop_range(std::uint64_t begin, std::uint64_t end, PageBarrier& barrier);
    // Drops clean pages of [begin, end) that nobody else holds, so that the next read comes from the disk. false:
    // others are still there.
    bool drop_clean(std::uint64_t begin, std::uint64_t end);

    // The file has lost its last name (or has got one again): dirty pages no longer keep it alive.
    void orphan(bool yes);

    [[nodiscard]] std::uint64_t page_count();
    [[nodiscard]] bool is_dirty();
    [[nodiscard]] Inode& owner() const { return owner_; }
    [[nodiscard]] BlockMap& map() const { return map_; }

private:
    friend class DirectRead;
    friend class PageBarrier;
    friend class PageFill;
    friend class PageWriteBack;
    friend class PageCacheList;

    Result<abi::GuestPhys> take_page(std::uint64_t index, std::uint64_t state);
    Result<> load(std::uint64_t index, std::uint64_t pages);
    void start_reading(std::uint64_t first, std::uint64_t pages);
    void wait_until_ready(std::uint64_t index);
    Result<> zero_part(std::uint64_t begin, std::uint64_t end);
    void drop_pages(std::uint64_t first, std::uint64_t last);
    // Until no read or write of these pages is in flight.
    void wait_for_transfers(std::uint64_t first, std::uint64_t last);
    // Until no barrier keeps this page from the disk; returns how many there have been.
    std::uint64_t wait_for_barrier(std::uint64_t index);
    [[nodiscard]] std::uint64_t barrier_count();
    std::uint64_t write_pages(std::uint64_t first, std::uint64_t last, std::uint64_t most_pages);
    void update_keep();
    // With lock_ held.
    void remove_pages(std::uint64_t first, std::uint64_t last);
    void set_dirty(std::uint64_t index, CachedPage page);
    [[nodiscard]] bool has_transfer_in(std::uint64_t first, std::uint64_t last);
    [[nodiscard]] bool is_barred(std::uint64_t first, std::uint64_t last) const {
        return barred_first_ <= last && first <= barred_last_;
    }
    [[nodiscard]] bool is_barred(std::uint64_t index) const { return is_barred(index, index); }
    std::uint64_t evict(std::uint64_t pages);

    Inode& owner_;
    BlockMap& map_;
    Spinlock lock_;
    PageTree pages_;
    List<PageFill> fills_;
    List<PageWriteBack> write_backs_;
    List<DirectRead> direct_reads_;
    thread::WaitQueue changes_;  // woken when a transfer or a barrier ends
    std::uint64_t barred_first_ = UINT64_MAX, barred_last_ = 0;
    std::uint64_t barriers_ = 0;  // how many there have been
    ReadAhead read_ahead_;
    std::uint64_t hand_ = 0;            // where eviction goes on
    std::uint64_t dirty_since_ns_ = 0;  // when there are dirty pages
    std::optional<Errno> error_;        // of a write, not told to anybody yet
    bool is_orphan_ = false;
    bool keeps_owner_ = false;
    std::uint64_t round_ = 0;  // of PageCacheList
};

}  // namespace husk::fs
