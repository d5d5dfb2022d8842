// SPDX-License-Identifier: Apache-2.0
// The names in a directory of the RAM file system: found by hash, listed by slots that never move.
#pragma once

#include <cstdint>
#include <string_view>

#include "guest-runtime/fs/heap_array.hpp"
#include "guest-runtime/fs/inode.hpp"

namespace husk::fs {

// A name and what it leads to. The name's bytes follow the struct.
struct RamEntry {
    RamEntry* next_in_bucket;
    Inode* inode;  // owns a reference
    std::uint32_t hash;
    std::uint32_t slot;
    std::uint32_t name_bytes;

    [[nodiscard]] std::string_view name() const {
        // SAFETY: create() allocates name_bytes behind the struct.
        return {reinterpret_cast<const char*>(this + 1), name_bytes};
    }
};

// A slot keeps its number as long as its entry lives, so a listing that goes on after changes neither skips nor repeats
// an entry that was there all the time. Slots of removed entries are used again.
class RamDirectoryIndex {
public:
    RamDirectoryIndex() = default;
    RamDirectoryIndex(const RamDirectoryIndex&) = delete;
    RamDirectoryIndex& operator=(const RamDirectoryIndex&) = delete;
    ~RamDirectoryIndex();

    [[nodiscard]] RamEntry* find(std::string_view name) const;
    // The name must not be there yet.
    Result<RamEntry*> add(std::string_view name, RefPtr<Inode> inode);
    RefPtr<Inode> remove(RamEntry* entry);
    [[nodiscard]] std::uint32_t count() const { return count_; }
    [[nodiscard]] std::uint32_t slot_end() const { return slot_end_; }
    // Null: free.
    [[nodiscard]] RamEntry* at_slot(std::uint32_t slot) const;

private:
    union Slot {
        RamEntry* entry;
        std::uint64_t free_link;  // (next free slot << 1) | 1: entries are aligned
    };
    static constexpr std::uint32_t no_slot = UINT32_MAX;

    Result<> grow_buckets();
    Result<std::uint32_t> take_slot();

    HeapArray<RamEntry*> buckets_;  // a power of two
    HeapArray<Slot> slots_;
    std::uint32_t count_ = 0;
    std::uint32_t slot_end_ = 0;  // slots in use or on the free list
    std::uint32_t first_free_ = no_slot;
};

}  // namespace husk::fs
