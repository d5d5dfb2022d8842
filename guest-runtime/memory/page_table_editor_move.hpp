// SPDX-License-Identifier: Apache-2.0
// Page-table editor: moving leaves to another address, whole page tables at once where both sides are aligned.
#pragma once

#include "guest-runtime/memory/page_table_editor.hpp"

namespace husk::memory {

template <class Access>
Result<> PageTableEditor<Access>::move(std::uint64_t from, std::uint64_t to, std::uint64_t size_bytes) {
    // Page tables that are empty but still linked would be in the way of the ones that move in.
    HUSK_TRY(unmap(to, to + size_bytes, [](std::uint64_t, bool) {}));
    for (std::uint64_t done = 0; done < size_bytes;) {
        std::uint64_t source = from + done;
        std::uint64_t target = to + done;
        std::uint64_t left = size_bytes - done;
        std::uint64_t count = 0;
        if (((source | target) % abi::large_page_size) == 0 && left >= abi::large_page_size) {
            count = std::min({left / abi::large_page_size, abi::pte::entries - index_of(source, 2),
                              abi::pte::entries - index_of(target, 2)});
            HUSK_TRY(move_run(source, target, 2, count));
            done += count * abi::large_page_size;
            continue;
        }
        count = std::min(
            {left / abi::page_size, abi::pte::entries - index_of(source, 1), abi::pte::entries - index_of(target, 1)});
        if (const abi::GuestPhys* directory = find_table(source, 2); directory != nullptr) {
            abi::GuestPhys slot = entry_at(*directory, source, 2);
            std::uint64_t entry = access_.read(slot);
            if (entry != 0 && is_leaf(entry)) {
                HUSK_TRY(split(slot, entry, source, 2, [](std::uint64_t, std::uint64_t piece) { return piece; }));
            }
        }
        HUSK_TRY(move_run(source, target, 1, count));
        done += count * abi::page_size;
    }
    return {};
}

// Moves `count` entries of one table of `level` into another. For a moment both lead to the same frames.
template <class Access>
Result<> PageTableEditor<Access>::move_run(std::uint64_t from, std::uint64_t to, unsigned level, std::uint64_t count) {
    const abi::GuestPhys* found = find_table(from, level);
    if (found == nullptr) return {};
    abi::GuestPhys table = *found;
    Entries run = read_run(table, index_of(from, level), count);
    std::uint64_t first = 0;
    while (first < count && run[first] == 0) ++first;
    while (count > first && run[count - 1] == 0) --count;
    if (count == first) return {};
    Entries moved = run.subspan(first, count - first);
    HUSK_TRY(store(to + first * span_of(level), level, moved, arch::Flush::none));
    std::fill_n(fill_, moved.size(), 0);
    access_.write(entry_at(table, from, level) + 8 * first, {fill_, moved.size()}, arch::Flush::all, from);
    return {};
}

}  // namespace husk::memory
