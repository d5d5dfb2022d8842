// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/memory/program_memory.hpp"

#include <algorithm>

#include "guest-runtime/memory/address_space.hpp"
#include "guest-runtime/memory/attach.hpp"
#include "guest-runtime/memory/attach_together.hpp"
#include "guest-runtime/memory/empty_in_place.hpp"
#include "guest-runtime/memory/frames.hpp"
#include "guest-runtime/memory/space.hpp"

namespace husk::memory {

namespace {

constexpr char heap_name[] = "[heap]";
constexpr char stack_name[] = "[stack]";
constexpr char image_name[] = "/proc/self/exe";

constexpr std::uint64_t stack_guard_bytes = 64 << 10;
constexpr std::uint64_t stack_ready_bytes = 32 << 10;
constexpr std::uint64_t largest_break_bytes = 16ull << 30;

constexpr MappingKind heap_kind{.protection = protection::read | protection::write, .charged = true, .name = heap_name};

// Pages that the launcher has mapped behind the image, with the image's own frames. They stay when the break moves
// below them, and are never freed.
constexpr MappingKind ready_kind{.protection = protection::read | protection::write, .image = true, .name = heap_name};

Result<> adopt_break() {
    HUSK_TRY(space.prepare());
    std::uint64_t end = space.break_begin;
    while (space.tables().lookup(end).entry != 0) end += abi::page_size;
    if (end != space.break_begin) space.add(space.break_begin, end, ready_kind, nullptr, 0);
    space.break_ready_end = end;
    return {};
}

// The bytes of ready pages that the break leaves must read as 0 when it comes back.
void clear_ready(std::uint64_t begin, std::uint64_t end) {
    end = std::min(end, space.break_ready_end);
    if (begin < end) empty_in_place(begin, end);
}

// The mapping of the break's own that holds all of [begin, end), if there is one.
const Mapping* find_heap(std::uint64_t begin, std::uint64_t end) {
    const Mapping* mapping = space.tree().find(begin);
    return mapping != nullptr && mapping->end >= end && mapping->kind.name == heap_name ? mapping : nullptr;
}

// A malloc whose last free block comes and goes moves the break down and up again, over and over.
bool try_keep(std::uint64_t begin, std::uint64_t end) {
    const Mapping* mapping = find_heap(begin, end);
    return mapping != nullptr && try_empty_in_place(*mapping, begin, end);
}

// Above `begin`, where the break's pages end, the application may map and unmap as if nothing were kept. Once it has,
// the rest of what was kept goes. false: no memory for that.
bool forget_if_broken(std::uint64_t begin) {
    const std::uint64_t end = space.break_kept_end;
    if (begin >= end || find_heap(begin, end) != nullptr) return true;
    for (std::uint64_t at = begin; at < end;) {
        const Mapping* piece = space.tree().first_ending_after(at);
        if (piece == nullptr || piece->begin >= end) break;
        const std::uint64_t piece_begin = std::max(at, piece->begin);
        at = std::min(piece->end, end);
        if (piece->kind.name != heap_name) continue;
        if (!space.prepare().ok()) return false;
        space.remove(piece_begin, at);
    }
    space.break_kept_end = 0;
    return true;
}

}  // namespace

Result<> adopt_image(std::span<const ImageSegment> segments) {
    Operation operation;
    for (const ImageSegment& segment : segments) {
        std::uint64_t begin = abi::align_down(segment.begin, abi::page_size);
        std::uint64_t end = abi::align_up(segment.end, abi::page_size);
        if (begin == end) continue;
        // Code that has its last large page to itself may be mapped to the end of that.
        if (is_large(space.tables().lookup(end - 1).entry)) end = abi::align_up(end, abi::large_page_size);
        HUSK_TRY(space.prepare());
        if (!is_application_range(begin, end) || !space.tree().is_free(begin, end)) return Errno::einval;
        MappingKind kind{.protection = segment.protection, .image = true, .from_file = segment.from_file};
        if (segment.from_file) kind.name = image_name;
        space.add(begin, end, kind, nullptr, 0);
        if (end > space.break_begin) space.break_begin = space.break_end = end;
    }
    return adopt_break();
}

Result<std::uint64_t> map_main_stack(const MapRequest& request) {
    std::uint64_t size_bytes = abi::align_up(request.size_bytes, abi::page_size);
    if (size_bytes == 0) return Errno::einval;
    Operation operation;
    HUSK_TRY(space.prepare());
    std::uint64_t guard = HUSK_TRY(space.find_place(size_bytes + stack_guard_bytes, abi::page_size));
    std::uint64_t begin = guard + stack_guard_bytes;
    std::uint64_t end = begin + size_bytes;
    space.add(guard, begin, {.protection = protection::none, .stack = true}, nullptr, 0);
    MappingKind kind{.protection = request.protection, .stack = true, .name = stack_name};
    std::uint64_t ready_begin = end;
    while (ready_begin > begin && space.tables().lookup(ready_begin - 1).entry != 0) ready_begin -= abi::page_size;
    Mapping& mapping = space.add(begin, ready_begin, kind, nullptr, 0);
    if (ready_begin == end) {
        HUSK_TRY(attach_pages(mapping, end - std::min(stack_ready_bytes, size_bytes), end));
        return begin;
    }
    // The launcher's pages are not the allocator's and are never freed.
    HUSK_TRY(space.prepare());
    kind.image = true;
    space.add(ready_begin, end, kind, nullptr, 0);
    return begin;
}

std::uint64_t set_break(std::uint64_t address) {
    Operation operation;
    std::uint64_t old = space.break_end;
    if (address < space.break_begin || address - space.break_begin > largest_break_bytes) return old;
    const std::uint64_t old_pages_end = std::max(abi::align_up(old, abi::page_size), space.break_ready_end);
    if (!forget_if_broken(old_pages_end)) return old;
    const std::uint64_t old_end = std::max(old_pages_end, space.break_kept_end);
    const std::uint64_t new_end = std::max(abi::align_up(address, abi::page_size), space.break_ready_end);
    if (!space.prepare().ok()) return old;
    if (new_end > old_end) {
        if (!is_application_range(old_end, new_end) || !space.tree().is_free(old_end, new_end)) return old;
        if (!promise_frames((new_end - old_end) / abi::page_size).ok()) return old;
        space.add(old_end, new_end, heap_kind, nullptr, 0);
    } else if (address < old && new_end < old_end) {
        space.break_kept_end = try_keep(new_end, old_end) ? old_end : 0;
        if (space.break_kept_end == 0) space.remove(new_end, old_end);
    }
    if (address < old) clear_ready(abi::align_up(address, abi::page_size), abi::align_up(old, abi::page_size));
    space.break_end = address;
    operation.end();
    if (new_end > old_end) attach_eagerly(old_end, new_end);
    return address;
}

}  // namespace husk::memory
