// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/memory/empty_in_place.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

#include "guest-runtime/memory/frames.hpp"
#include "guest-runtime/memory/give_back.hpp"
#include "guest-runtime/memory/space.hpp"

namespace husk::memory {

namespace {

// To fill a page takes 0.1 us. Where ring 0 is emulated, to take it away and to bring a new one costs 2 us, and an
// interruption of each other vCPU. More than this may well be dropped for good.
constexpr std::uint64_t largest_bytes = 1 << 20;

struct Range {
    std::uint64_t begin = 0, end = 0;
};
// What was dropped last, under the address space's lock.
constinit std::array<Range, 16> recent{};
constinit std::size_t oldest = 0;

// Notes the range. True: some of it was there already.
bool was_dropped_before(std::uint64_t begin, std::uint64_t end) {
    for (Range& range : recent) {
        if (begin >= range.end || end <= range.begin) continue;
        range = {begin, end};
        return true;
    }
    recent[oldest] = {begin, end};
    oldest = (oldest + 1) % recent.size();
    return false;
}

// Whether the frames would serve nobody else: they are promised to the range.
bool may_keep_frames(const Mapping& mapping) {
    const MappingKind& kind = mapping.kind;
    return kind.charged && !kind.shared && !kind.image && !mapping.source && !has_freed_hook();
}

// The part of a leaf at `va` that lies before `end`.
std::uint64_t part_of_leaf(std::uint64_t va, std::uint64_t end, unsigned level) {
    const std::uint64_t span = PageTables::span_of(level);
    return std::min(end, abi::align_down(va, span) + span) - va;
}

}  // namespace

void empty_in_place(std::uint64_t begin, std::uint64_t end) {
    space.tables().visit_leaves(begin, end, [&](std::uint64_t va, std::uint64_t entry, unsigned level) {
        const std::uint64_t offset = va - abi::align_down(va, PageTables::span_of(level));
        std::memset(frame_pointer<>(frame_behind(entry) + offset), 0, part_of_leaf(va, end, level));
    });
}

bool try_empty_in_place(const Mapping& mapping, std::uint64_t begin, std::uint64_t end) {
    if (end - begin > largest_bytes || !may_keep_frames(mapping) || !was_dropped_before(begin, end)) return false;
    bool are_own = true;
    space.tables().visit_leaves(begin, end, [&](std::uint64_t, std::uint64_t entry, unsigned) {
        // A device that holds a frame is to go on with the old contents.
        are_own =
            are_own && (entry & page_bit::software) == page_bit::owned && frame_references(frame_behind(entry)) == 1;
    });
    if (!are_own) return false;
    empty_in_place(begin, end);
    return true;
}

}  // namespace husk::memory
