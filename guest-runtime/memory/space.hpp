// SPDX-License-Identifier: Apache-2.0
// The state behind address_space.hpp and the steps that its operations share; only the operations include this.
#pragma once

#include <array>
#include <cstdint>

#include <husk/abi/boot_info.hpp>
#include <husk/abi/memory_layout.hpp>

#include "guest-runtime/arch/vcpus.hpp"
#include "guest-runtime/base/spinlock.hpp"
#include "guest-runtime/memory/address_space.hpp"
#include "guest-runtime/memory/mapping_tree.hpp"
#include "guest-runtime/memory/page_tables.hpp"
#include "guest-runtime/memory/retired_frames.hpp"
#include "guest-runtime/memory/space_lock.hpp"

namespace husk::memory {

// The application has [lowest_address, runtime_begin) and [runtime_end, highest_address).
inline constexpr std::uint64_t lowest_address = 64 << 10;
inline constexpr std::uint64_t runtime_begin = abi::physmap_base;
inline constexpr std::uint64_t runtime_end = 0x4000'0000'0000;
inline constexpr std::uint64_t highest_address = 0x7fff'ffff'f000;
inline constexpr std::uint64_t search_top = 0x7fff'0000'0000;

constexpr bool is_application_range(std::uint64_t begin, std::uint64_t end) {
    return begin < end &&
           ((begin >= lowest_address && end <= runtime_begin) || (begin >= runtime_end && end <= highest_address));
}

// All functions want the lock held, alone if nothing else is said. Those that change something want prepare() first.
class Space {
public:
    constexpr Space() = default;
    void initialise(const abi::BootInfo& boot);

    // Sets nodes and page tables aside, so that what follows does not fail half way.
    Result<> prepare(std::uint64_t page_tables = 0);

    // Adds a range where nothing is; it may become part of a neighbour. Returns the range that contains it.
    Mapping& add(std::uint64_t begin, std::uint64_t end, const MappingKind& kind, const RefPtr<PageSource>& source,
                 std::uint64_t source_index);
    // Frees every page of [begin, end) and drops the ranges.
    void remove(std::uint64_t begin, std::uint64_t end);
    // Moves the contents of a range inside one mapping to an empty place.
    void move(std::uint64_t begin, std::uint64_t end, std::uint64_t target, std::uint64_t target_end);
    // Frees the pages of [begin, end), inside `mapping`, but keeps the range.
    void discard_pages(const Mapping& mapping, std::uint64_t begin, std::uint64_t end);
    // Changes the kind of every range in [begin, end) by change(kind, has_source).
    template <class Change>
    void change_kind(std::uint64_t begin, std::uint64_t end, Change change);
    // Calls visit(mapping, begin, end) for the part of every mapping in [begin, end), in order.
    template <class Visit>
    void visit(std::uint64_t begin, std::uint64_t end, Visit visit);
    [[nodiscard]] bool is_covered(std::uint64_t begin, std::uint64_t end) const;
    // A free place, top down; ENOMEM when there is none.
    Result<std::uint64_t> find_place(std::uint64_t size_bytes, std::uint64_t alignment) const;
    // Pages that are attached and count against the charge.
    [[nodiscard]] std::uint64_t own_pages(std::uint64_t begin, std::uint64_t end);

    [[nodiscard]] MappingTree& tree() { return tree_; }
    [[nodiscard]] PageTables& tables() { return tables_; }
    // Changes with every change of a range.
    [[nodiscard]] std::uint64_t generation() const { return generation_; }

    // A frame that no page table leads to any more: free at once while one vCPU runs, else when the others have
    // forgotten it, which the end of the operation waits for.
    void retire(abi::GuestPhys block, unsigned order);
    // Waits for that now: what follows may need the frames.
    void settle();

    // For those who hold the lock together: ranges and tables above the lowest stay, and who holds the lock of a slot
    // of 2 MiB may fill that.
    [[nodiscard]] Spinlock& slot_lock(std::uint64_t va) {
        return slot_locks_[va / abi::large_page_size % slot_locks_.size()].lock;
    }
    // A page table for a slot. ENOMEM: whoever holds the lock alone has to see to more.
    Result<abi::GuestPhys> take_table_together();

    std::uint64_t break_begin = 0;
    std::uint64_t break_end = 0;        // not page-aligned
    std::uint64_t break_ready_end = 0;  // up to here the launcher has mapped the break's first pages
    std::uint64_t break_kept_end = 0;   // up to here pages that the break has left stay, and read as 0

private:
    friend class Operation;
    friend class SharedOperation;
    Mapping& take_spare();
    void discard(Mapping& mapping);
    void split_at(std::uint64_t va);
    void join_around(std::uint64_t begin, std::uint64_t end);
    std::uint64_t unmap_pages(std::uint64_t begin, std::uint64_t end, bool renew);

    struct alignas(64) SlotLock {
        Spinlock lock;
    };

    // Of the only address space: not in the object, which is initialised data of every image.
    static inline constinit SpaceLock<arch::max_vcpus> lock_;
    static inline constinit std::array<SlotLock, 32> slot_locks_{};
    Spinlock table_lock_;  // over the pool of page tables, for those who hold lock_ together
    MappingTree tree_;
    PageTables tables_;
    std::uint64_t top_ = search_top;
    std::uint64_t generation_ = 0;
    Mapping* spare_ = nullptr;  // linked by `right`
    unsigned spare_count_ = 0;
    Mapping* discarded_ = nullptr;  // linked by `right`; freed when the lock is free again
    RetiredFrames retired_;
};

extern constinit Space space;

// Holds the address space's lock alone. What was discarded meanwhile is freed after it: a source's destructor may do
// much. When end() returns, every vCPU sees the page tables as they are now.
class [[nodiscard]] Operation {
public:
    Operation() { space.lock_.lock(arch::vcpu_count()); }
    ~Operation() { end(); }
    Operation(const Operation&) = delete;
    Operation& operator=(const Operation&) = delete;
    void end();

private:
    bool ended_ = false;
};

// Holds it together with others: what puts pages where none are. It does not sleep meanwhile. When end() returns, no
// vCPU uses what was at these places before.
class [[nodiscard]] SharedOperation {
public:
    SharedOperation() : vcpu_(arch::vcpu_index()) { space.lock_.lock_together(vcpu_); }
    ~SharedOperation() { end(); }
    SharedOperation(const SharedOperation&) = delete;
    SharedOperation& operator=(const SharedOperation&) = delete;
    void end();

private:
    std::uint32_t vcpu_;
    bool ended_ = false;
};

template <class Change>
void Space::change_kind(std::uint64_t begin, std::uint64_t end, Change change) {
    split_at(begin);
    split_at(end);
    for (Mapping* at = tree_.first_ending_after(begin); at != nullptr && at->begin < end;) {
        change(at->kind, bool(at->source));
        at = tree_.first_ending_after(at->end);
    }
    join_around(begin, end);
    ++generation_;
}

template <class Visit>
void Space::visit(std::uint64_t begin, std::uint64_t end, Visit visit) {
    while (begin < end) {
        Mapping* at = tree_.first_ending_after(begin);
        if (at == nullptr || at->begin >= end) return;
        std::uint64_t stop = at->end < end ? at->end : end;
        visit(*at, at->begin > begin ? at->begin : begin, stop);
        begin = stop;
    }
}

}  // namespace husk::memory
