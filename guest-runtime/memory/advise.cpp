// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/memory/address_space.hpp"
#include "guest-runtime/memory/empty_in_place.hpp"
#include "guest-runtime/memory/space.hpp"

namespace husk::memory {

namespace {

// MADV_* of Linux.
enum class Advice : int {
    normal = 0,
    random = 1,
    sequential = 2,
    will_need = 3,
    dont_need = 4,
    free = 8,
    remove = 9,
    dont_fork = 10,
    do_fork = 11,
    mergeable = 12,
    unmergeable = 13,
    huge_page = 14,
    no_huge_page = 15,
    dont_dump = 16,
    do_dump = 17,
    wipe_on_fork = 18,
    keep_on_fork = 19,
    cold = 20,
    page_out = 21,
    populate_read = 22,
    populate_write = 23,
    dont_need_locked = 24,
    collapse = 25,
};

enum class Effect { unknown, none, discard, free, remove, large_pages, no_large_pages, populate };

Effect effect_of(int advice) {
    switch (static_cast<Advice>(advice)) {
        case Advice::normal:
        case Advice::random:
        case Advice::sequential:
        case Advice::will_need:
        case Advice::dont_fork:
        case Advice::do_fork:
        case Advice::mergeable:
        case Advice::unmergeable:
        case Advice::dont_dump:
        case Advice::do_dump:
        case Advice::wipe_on_fork:
        case Advice::keep_on_fork:
        case Advice::cold:
        case Advice::page_out:
        case Advice::collapse:
            return Effect::none;
        case Advice::dont_need:
        case Advice::dont_need_locked:
            return Effect::discard;
        // Free at once: nothing tells when memory becomes scarce.
        case Advice::free:
            return Effect::free;
        case Advice::remove:
            return Effect::remove;
        case Advice::huge_page:
            return Effect::large_pages;
        case Advice::no_huge_page:
            return Effect::no_large_pages;
        case Advice::populate_read:
        case Advice::populate_write:
            return Effect::populate;
    }
    return Effect::unknown;
}

}  // namespace

Result<> advise(std::uint64_t address, std::uint64_t size_bytes, int advice) {
    Effect effect = effect_of(advice);
    std::uint64_t end = 0;
    if (effect == Effect::unknown || address % abi::page_size != 0) return Errno::einval;
    if (size_bytes == 0) return {};
    if (__builtin_add_overflow(address, abi::align_up(size_bytes, abi::page_size), &end) || end <= address) {
        return Errno::einval;
    }
    if (effect == Effect::populate) return populate(address, size_bytes);

    Operation operation;
    HUSK_TRY(space.prepare());
    bool is_covered = space.is_covered(address, end);
    if (effect == Effect::large_pages || effect == Effect::no_large_pages) {
        space.change_kind(address, end,
                          [&](MappingKind& kind, bool) { kind.no_large_pages = effect == Effect::no_large_pages; });
    } else if (effect != Effect::none) {
        bool is_refused = false, has_tables = true;
        space.visit(address, end, [&](const Mapping& mapping, std::uint64_t from, std::uint64_t to) {
            // Shared memory keeps its contents when one mapping drops its pages; only `remove` punches holes.
            bool is_shared_memory = mapping.kind.shared && !mapping.source;
            if (effect == Effect::free && (mapping.source || mapping.kind.shared)) is_refused = true;
            if (effect == Effect::remove && !is_shared_memory) is_refused = true;
            if (effect == Effect::discard && is_shared_memory) return;
            // A border inside a large page takes one.
            has_tables = has_tables && space.prepare().ok();
            if (is_refused || !has_tables) return;
            if (effect == Effect::discard && try_empty_in_place(mapping, from, to)) return;
            space.discard_pages(mapping, from, to);
        });
        if (is_refused) return Errno::einval;
        if (!has_tables) return Errno::enomem;
    }
    if (!is_covered) return Errno::enomem;
    return {};
}

}  // namespace husk::memory
