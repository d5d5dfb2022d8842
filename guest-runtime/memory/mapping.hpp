// SPDX-License-Identifier: Apache-2.0
// One range of the address space whose pages are all alike, as a node of the range tree.
#pragma once

#include <cstdint>

#include <husk/abi/guest_address.hpp>

#include "guest-runtime/memory/page_entry.hpp"
#include "guest-runtime/memory/page_source.hpp"

namespace husk::memory {

// What a range is for, beyond its protection.
struct MappingKind {
    Protection protection = protection::none;
    bool shared = false;
    bool stack = false;       // grows down in use, never in large pages, charged when touched
    bool no_reserve = false;  // not charged when mapped
    bool charged = false;     // every page of it is promised or attached
    bool image = false;       // segment of the image: frames were there before the allocator and are never freed
    bool from_file = false;   // part of the image with contents of its file, which are nowhere else
    bool no_large_pages = false;
    Protection allowed = protection::all;  // mprotect may not go beyond it
    const char* name = nullptr;            // shown in /proc/self/maps; compared by address

    friend constexpr bool operator==(const MappingKind&, const MappingKind&) = default;
};

struct Mapping {
    std::uint64_t begin = 0;  // page-aligned
    std::uint64_t end = 0;
    MappingKind kind;
    RefPtr<PageSource> source;       // null: anonymous
    std::uint64_t source_index = 0;  // page of the source at `begin`

    [[nodiscard]] std::uint64_t pages() const { return (end - begin) / abi::page_size; }
    [[nodiscard]] std::uint64_t index_of(std::uint64_t va) const {
        return source_index + (va - begin) / abi::page_size;
    }

    // Owned by MappingTree.
    Mapping* left = nullptr;
    Mapping* right = nullptr;
    std::uint64_t priority = 0;
    std::uint64_t lowest_begin = 0;  // of the subtree
    std::uint64_t highest_end = 0;
    std::uint64_t largest_gap = 0;  // between neighbours inside the subtree
};

// True when `next`, which begins where `mapping` ends, can become part of it.
inline bool can_join(const Mapping& mapping, const Mapping& next) {
    return mapping.end == next.begin && mapping.kind == next.kind && mapping.source == next.source &&
           (!mapping.source || mapping.source_index + mapping.pages() == next.source_index);
}

}  // namespace husk::memory
