// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/ram_directory_index.hpp"

#include <algorithm>
#include <cstring>

namespace husk::fs {

namespace {

// FNV-1a.
std::uint32_t hash_of(std::string_view name) {
    std::uint32_t hash = 2166136261u;
    for (char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
    return hash;
}

}  // namespace

RamDirectoryIndex::~RamDirectoryIndex() {
    for (std::uint32_t slot = 0; slot < slot_end_; ++slot) {
        if (RamEntry* entry = at_slot(slot)) remove(entry);
    }
}

RamEntry* RamDirectoryIndex::find(std::string_view name) const {
    if (buckets_.size() == 0) return nullptr;
    std::uint32_t hash = hash_of(name);
    RamEntry* entry = buckets_[hash & (buckets_.size() - 1)];
    while (entry != nullptr && (entry->hash != hash || entry->name() != name)) entry = entry->next_in_bucket;
    return entry;
}

RamEntry* RamDirectoryIndex::at_slot(std::uint32_t slot) const {
    Slot value = slots_[slot];
    return (value.free_link & 1) != 0 ? nullptr : value.entry;
}

Result<> RamDirectoryIndex::grow_buckets() {
    if (count_ < buckets_.size()) return {};
    auto larger = HUSK_TRY(HeapArray<RamEntry*>::create(std::max<std::size_t>(8, buckets_.size() * 2)));
    std::fill(larger.span().begin(), larger.span().end(), nullptr);
    for (std::uint32_t slot = 0; slot < slot_end_; ++slot) {
        RamEntry* entry = at_slot(slot);
        if (entry == nullptr) continue;
        RamEntry*& bucket = larger[entry->hash & (larger.size() - 1)];
        entry->next_in_bucket = bucket;
        bucket = entry;
    }
    buckets_ = std::move(larger);
    return {};
}

Result<std::uint32_t> RamDirectoryIndex::take_slot() {
    if (first_free_ != no_slot) {
        std::uint32_t slot = first_free_;
        first_free_ = static_cast<std::uint32_t>(slots_[slot].free_link >> 1);
        return slot;
    }
    if (slot_end_ == slots_.size()) {
        auto larger = HUSK_TRY(HeapArray<Slot>::create(std::max<std::size_t>(8, slots_.size() * 2)));
        if (slot_end_ != 0) std::memcpy(larger.data(), slots_.data(), slot_end_ * sizeof(Slot));
        slots_ = std::move(larger);
    }
    return slot_end_++;
}

Result<RamEntry*> RamDirectoryIndex::add(std::string_view name, RefPtr<Inode> inode) {
    HUSK_TRY(grow_buckets());
    void* memory = heap::allocate(sizeof(RamEntry) + name.size());
    if (memory == nullptr) return Errno::enomem;
    auto slot = take_slot();
    if (!slot.ok()) {
        heap::release(memory, sizeof(RamEntry) + name.size());
        return slot.error();
    }
    std::uint32_t hash = hash_of(name);
    RamEntry*& bucket = buckets_[hash & (buckets_.size() - 1)];
    auto* entry =
        new (memory) RamEntry{bucket, inode.leak(), hash, slot.value(), static_cast<std::uint32_t>(name.size())};
    std::memcpy(entry + 1, name.data(), name.size());
    bucket = entry;
    slots_[slot.value()].entry = entry;
    ++count_;
    return entry;
}

RefPtr<Inode> RamDirectoryIndex::remove(RamEntry* entry) {
    RamEntry** place = &buckets_[entry->hash & (buckets_.size() - 1)];
    while (*place != entry) place = &(*place)->next_in_bucket;
    *place = entry->next_in_bucket;
    slots_[entry->slot].free_link = (std::uint64_t{first_free_} << 1) | 1;
    first_free_ = entry->slot;
    --count_;
    auto inode = RefPtr<Inode>::adopt(entry->inode);
    heap::release(entry, sizeof(RamEntry) + entry->name_bytes);
    return inode;
}

}  // namespace husk::fs
