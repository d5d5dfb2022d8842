// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/memory/space.hpp"

#include <new>
#include <utility>

#include "guest-runtime/arch/vcpus.hpp"
#include "guest-runtime/base/panic.hpp"
#include "guest-runtime/memory/empty_in_place.hpp"
#include "guest-runtime/memory/frames.hpp"
#include "guest-runtime/memory/shootdown.hpp"

namespace husk::memory {

constinit Space space;

namespace {

constexpr unsigned spares_kept = 8;  // mremap to a fixed place: three times two splits, one new range
constexpr std::uint64_t scarce_frames = (16 << 20) / abi::page_size;

}  // namespace

void Operation::end() {
    if (ended_) return;
    ended_ = true;
    Mapping* mapping = std::exchange(space.discarded_, nullptr);
    if (arch::others_are_started()) {
        std::uint64_t generation = space.tables_.access().request_shootdown();
        if (space.retired_.is_empty()) {
            space.lock_.unlock();
            shootdown::wait_for(generation);
        } else {
            RetiredFrames retired;
            retired.take_from(space.retired_);
            ReturningFrames returning;
            space.lock_.unlock();
            shootdown::wait_for(generation);
            retired.release();
        }
    } else {
        space.lock_.unlock();
    }
    while (mapping != nullptr) {
        Mapping* next = mapping->right;
        delete mapping;
        mapping = next;
    }
}

void SharedOperation::end() {
    if (ended_) return;
    ended_ = true;
    // Whoever has taken something away says so while it holds the lock alone.
    std::uint64_t generation = shootdown::pending();
    space.lock_.unlock_together(vcpu_);
    if (arch::others_are_started()) shootdown::wait_for(generation);
}

Result<abi::GuestPhys> Space::take_table_together() {
    Guard guard(table_lock_);
    if (tables_.access().pool().available() <= PageTables::tables_kept) return Errno::enomem;
    return tables_.access().take_table();
}

void Space::initialise(const abi::BootInfo& boot) {
    tree_ = MappingTree();
    tables_.initialise(boot);
    break_begin = break_end = break_ready_end = break_kept_end = 0;
    // 28 bits of pages, as Linux's mmap_rnd_bits.
    std::uint64_t random = 0;
    for (unsigned i = 0; i < 4; ++i) random = random << 8 | boot.seed[i];
    top_ = search_top - (random & 0xfff'ffff) * abi::page_size;
    // The main stack is the first to ask for a place and gets the highest: its top is where the launcher mapped it.
    if (boot.main_stack_end != 0) top_ = boot.main_stack_end;
}

Result<> Space::prepare(std::uint64_t page_tables) {
    HUSK_TRY(tables_.ensure_tables(page_tables));
    for (; spare_count_ < spares_kept; ++spare_count_) {
        auto* mapping = new (std::nothrow) Mapping;
        if (mapping == nullptr) return Errno::enomem;
        mapping->right = spare_;
        spare_ = mapping;
    }
    return {};
}

Mapping& Space::take_spare() {
    check(spare_ != nullptr, "no spare range: prepare() is missing");
    Mapping& mapping = *spare_;
    spare_ = std::exchange(mapping.right, nullptr);
    --spare_count_;
    return mapping;
}

void Space::discard(Mapping& mapping) {
    mapping.right = discarded_;
    discarded_ = &mapping;
}

void Space::split_at(std::uint64_t va) {
    Mapping* mapping = tree_.find(va);
    if (mapping == nullptr || mapping->begin == va) return;
    Mapping& rest = take_spare();
    rest.begin = va;
    rest.end = mapping->end;
    rest.kind = mapping->kind;
    rest.source = mapping->source;
    rest.source_index = mapping->index_of(va);
    tree_.resize(*mapping, mapping->begin, va);
    tree_.insert(rest);
}

// Joins what can be joined at every border in [begin, end].
void Space::join_around(std::uint64_t begin, std::uint64_t end) {
    Mapping* at = tree_.last_beginning_before(begin);
    if (at == nullptr) at = tree_.first_ending_after(begin);
    while (at != nullptr && at->end <= end) {
        Mapping* next = tree_.first_ending_after(at->end);
        if (next == nullptr || !can_join(*at, *next)) {
            at = next;
            continue;
        }
        std::uint64_t joined_end = next->end;
        tree_.erase(*next);
        tree_.resize(*at, at->begin, joined_end);
        discard(*next);
    }
}

Mapping& Space::add(std::uint64_t begin, std::uint64_t end, const MappingKind& kind, const RefPtr<PageSource>& source,
                    std::uint64_t source_index) {
    Mapping& mapping = take_spare();
    mapping.begin = begin;
    mapping.end = end;
    mapping.kind = kind;
    mapping.source = source;
    mapping.source_index = source_index;
    tree_.insert(mapping);
    join_around(begin, end);
    ++generation_;
    return *tree_.find(begin);
}

void Space::retire(abi::GuestPhys block, unsigned order) {
    if (!arch::others_are_started()) return release_frames(block, order);
    if (retired_.add(block, order)) return;
    settle();
    (void)retired_.add(block, order);
}

void Space::settle() {
    if (retired_.is_empty()) return;
    shootdown::wait_for(tables_.access().request_shootdown());
    retired_.release();
}

// Returns how many of the pages were own ones. `renew`: they stay promised.
std::uint64_t Space::unmap_pages(std::uint64_t begin, std::uint64_t end, bool renew) {
    std::uint64_t own = 0;
    auto unmapped = tables_.unmap(begin, end, [&](std::uint64_t entry, bool large) {
        if ((entry & page_bit::owned) == 0) return;
        std::uint64_t pages = large ? abi::pte::entries : 1;
        if ((entry & page_bit::source) == 0) {
            own += pages;
            // First: nobody else may take the frames in between.
            if (renew) renew_promise(pages);
        }
        retire(frame_behind(entry), large ? large_order : 0);
    });
    check(unmapped.ok(), "no page tables for unmap: prepare() is missing");
    if (!retired_.is_empty() && frame_counts().spare() < scarce_frames) settle();
    return own;
}

void Space::remove(std::uint64_t begin, std::uint64_t end) {
    split_at(begin);
    split_at(end);
    while (Mapping* first = tree_.first_ending_after(begin)) {
        if (first->begin >= end) break;
        // Together: a border inside a large page would take a table, although nothing of that page stays.
        const bool charged = first->kind.charged;
        begin = first->begin;
        std::uint64_t run_end = begin;
        for (Mapping* next = first; next != nullptr && next->begin < end && next->kind.charged == charged;
             next = tree_.find(run_end)) {
            run_end = next->end;
        }
        std::uint64_t own = unmap_pages(begin, run_end, false);
        if (charged) drop_promise((run_end - begin) / abi::page_size - own);
        while (begin < run_end) {
            Mapping& mapping = *tree_.find(begin);
            begin = mapping.end;
            tree_.erase(mapping);
            discard(mapping);
        }
    }
    ++generation_;
}

void Space::move(std::uint64_t begin, std::uint64_t end, std::uint64_t target, std::uint64_t target_end) {
    split_at(begin);
    split_at(end);
    Mapping& mapping = *tree_.find(begin);
    check(tables_.move(begin, target, end - begin).ok(), "no page tables for a move: prepare() is missing");
    tree_.erase(mapping);
    add(target, target_end, mapping.kind, mapping.source, mapping.source_index);
    discard(mapping);
}

void Space::discard_pages(const Mapping& mapping, std::uint64_t begin, std::uint64_t end) {
    if (!mapping.kind.image) {
        unmap_pages(begin, end, mapping.kind.charged);
    } else if (!mapping.kind.from_file) {
        empty_in_place(begin, end);
    }
    ++generation_;
}

bool Space::is_covered(std::uint64_t begin, std::uint64_t end) const {
    while (begin < end) {
        const Mapping* mapping = tree_.find(begin);
        if (mapping == nullptr) return false;
        begin = mapping->end;
    }
    return true;
}

Result<std::uint64_t> Space::find_place(std::uint64_t size_bytes, std::uint64_t alignment) const {
    auto place = tree_.find_gap(runtime_end, top_, size_bytes, alignment);
    if (!place) place = tree_.find_gap(top_, highest_address, size_bytes, alignment);
    if (!place) place = tree_.find_gap(lowest_address, runtime_begin, size_bytes, alignment);
    if (!place) return Errno::enomem;
    return *place;
}

std::uint64_t Space::own_pages(std::uint64_t begin, std::uint64_t end) {
    std::uint64_t own = 0;
    tables_.visit_leaves(begin, end, [&](std::uint64_t va, std::uint64_t entry, unsigned level) {
        if ((entry & page_bit::owned) == 0 || (entry & page_bit::source) != 0) return;
        std::uint64_t leaf_end = abi::align_down(va, PageTables::span_of(level)) + PageTables::span_of(level);
        own += ((leaf_end < end ? leaf_end : end) - va) / abi::page_size;
    });
    return own;
}

}  // namespace husk::memory
