// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "guest-runtime/memory/address_space.hpp"
#include "guest-runtime/memory/attach_together.hpp"
#include "guest-runtime/memory/frames.hpp"
#include "guest-runtime/memory/space.hpp"

namespace husk::memory {

namespace {

// Congruent to `address` modulo 2 MiB, so that whole page tables move.
Result<std::uint64_t> find_new_place(std::uint64_t address, std::uint64_t size_bytes) {
    if (size_bytes < abi::large_page_size) return space.find_place(size_bytes, abi::page_size);
    std::uint64_t place = HUSK_TRY(space.find_place(size_bytes + abi::large_page_size, abi::large_page_size));
    return place + address % abi::large_page_size;
}

// No fewer than a move takes. Whole page tables go along where both sides are congruent; otherwise the pages of one get
// to two others.
std::uint64_t tables_for_move(std::uint64_t begin, std::uint64_t end, std::uint64_t target) {
    constexpr std::uint64_t for_the_ends = 8;
    std::uint64_t tables = (end - begin) / (abi::large_page_size * abi::pte::entries) * 2 + for_the_ends;
    if ((begin ^ target) % abi::large_page_size == 0) return tables;
    std::uint64_t seen = UINT64_MAX;
    space.tables().visit_leaves(begin, end, [&](std::uint64_t va, std::uint64_t, unsigned) {
        if (std::exchange(seen, va / abi::large_page_size) != va / abi::large_page_size) tables += 3;
    });
    return tables;
}

Result<> grow_in_place(const Mapping& mapping, std::uint64_t end, std::uint64_t new_end) {
    if (mapping.kind.charged) HUSK_TRY(promise_frames((new_end - end) / abi::page_size));
    space.add(end, new_end, mapping.kind, mapping.source, mapping.index_of(end));
    return {};
}

}  // namespace

Result<std::uint64_t> remap(std::uint64_t address, std::uint64_t old_bytes, std::uint64_t new_bytes, bool may_move,
                            std::optional<std::uint64_t> fixed_address) {
    old_bytes = abi::align_up(old_bytes, abi::page_size);
    new_bytes = abi::align_up(new_bytes, abi::page_size);
    if (address % abi::page_size != 0 || old_bytes == 0 || new_bytes == 0) return Errno::einval;
    if (new_bytes > highest_address || old_bytes > highest_address - address) return Errno::einval;
    std::uint64_t end = address + old_bytes;
    if (fixed_address) {
        std::uint64_t target = *fixed_address;
        if (target % abi::page_size != 0 || !is_application_range(target, target + new_bytes)) return Errno::einval;
        if (target < end && address < target + new_bytes) return Errno::einval;
    }

    Operation operation;
    HUSK_TRY(space.prepare());
    const Mapping* mapping = space.tree().find(address);
    if (mapping == nullptr) return Errno::efault;
    if (new_bytes < old_bytes) {
        space.remove(address + new_bytes, end);
        end = address + new_bytes;
        mapping = space.tree().find(address);
    }
    if (!fixed_address && new_bytes <= old_bytes) return address;
    if (mapping == nullptr || mapping->end < end) return Errno::efault;
    if (mapping->kind.image) return Errno::einval;

    std::uint64_t new_end = address + new_bytes;
    if (!fixed_address && mapping->end == end && is_application_range(address, new_end) &&
        space.tree().is_free(end, new_end)) {
        HUSK_TRY(grow_in_place(*mapping, end, new_end));
        operation.end();
        attach_eagerly(end, new_end);
        return address;
    }
    if (!may_move) return Errno::enomem;
    std::uint64_t target = fixed_address ? *fixed_address : HUSK_TRY(find_new_place(address, new_bytes));
    HUSK_TRY(space.prepare(tables_for_move(address, end, target)));
    if (fixed_address) space.remove(*fixed_address, *fixed_address + new_bytes);
    mapping = space.tree().find(address);
    std::uint64_t added_pages = (new_bytes - (end - address)) / abi::page_size;
    if (mapping->kind.charged) HUSK_TRY(promise_frames(added_pages));
    space.move(address, end, target, target + new_bytes);
    return target;
}

}  // namespace husk::memory
