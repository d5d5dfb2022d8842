// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/memory/address_space.hpp"

#include "guest-runtime/memory/attach_together.hpp"
#include "guest-runtime/memory/frames.hpp"
#include "guest-runtime/memory/space.hpp"

namespace husk::memory {

namespace {

// Linux's answers to a range that an address space cannot have.
Result<> check_range(std::uint64_t address, std::uint64_t size_bytes) {
    if (address % abi::page_size != 0 || size_bytes == 0) return Errno::einval;
    std::uint64_t end = 0;
    if (__builtin_add_overflow(address, size_bytes, &end)) return Errno::enomem;
    return {};
}

bool is_writable(Protection wanted) { return (wanted & protection::write) != 0; }

// Private memory that can be written is promised, so that touching it later cannot fail. Stacks are large and thinly
// used: they are not. Shared anonymous memory has only this one process, which makes it private.
bool is_charged_when_mapped(const MapRequest& request) {
    bool is_private = !request.shared || !request.source;
    return is_private && is_writable(request.protection) && !request.stack && !request.no_reserve;
}

std::uint64_t alignment_of(const MapRequest& request, std::uint64_t size_bytes) {
    bool is_large = size_bytes >= abi::large_page_size && !request.stack && !request.source;
    return is_large ? abi::large_page_size : abi::page_size;
}

// Where the range goes; with `fixed` what is there is still there.
Result<std::uint64_t> choose_place(const MapRequest& request, std::uint64_t size_bytes) {
    if (request.fixed) {
        std::uint64_t address = request.address;
        HUSK_TRY(check_range(address, size_bytes));
        if (address < lowest_address) return Errno::eperm;
        if (!is_application_range(address, address + size_bytes)) return Errno::enomem;
        if (request.no_replace && !space.tree().is_free(address, address + size_bytes)) return Errno::eexist;
        return address;
    }
    if (request.low) {
        auto place = space.tree().find_gap(lowest_address, 2ull << 30, size_bytes, abi::page_size);
        if (!place) return Errno::enomem;
        return *place;
    }
    std::uint64_t hint = abi::align_down(request.address, abi::page_size);
    if (is_application_range(hint, hint + size_bytes) && space.tree().is_free(hint, hint + size_bytes)) return hint;
    auto place = space.find_place(size_bytes, alignment_of(request, size_bytes));
    // When the address space is nearly full, alignment is a luxury.
    return place.ok() ? place.value() : space.find_place(size_bytes, abi::page_size);
}

}  // namespace

Result<std::uint64_t> map(const MapRequest& request) {
    if (request.size_bytes == 0) return Errno::einval;
    std::uint64_t size_bytes = abi::align_up(request.size_bytes, abi::page_size);
    if (size_bytes == 0 || size_bytes > highest_address) return Errno::enomem;
    if (request.source_offset % abi::page_size != 0) return Errno::einval;

    Operation operation;
    HUSK_TRY(space.prepare());
    std::uint64_t begin = HUSK_TRY(choose_place(request, size_bytes));
    std::uint64_t end = begin + size_bytes;
    bool is_charged = is_charged_when_mapped(request);
    // What is replaced may be what the new range needs.
    if (request.fixed) space.remove(begin, end);
    if (is_charged && !promise_frames(size_bytes / abi::page_size).ok()) {
        space.settle();
        HUSK_TRY(promise_frames(size_bytes / abi::page_size));
    }
    MappingKind kind{.protection = request.protection,
                     .shared = request.shared,
                     .stack = request.stack,
                     .no_reserve = request.no_reserve,
                     .charged = is_charged,
                     .allowed = request.allowed};
    space.add(begin, end, kind, request.source, request.source_offset / abi::page_size);
    operation.end();

    attach_eagerly(begin, end);
    if (request.populate) (void)populate(begin, size_bytes);
    return begin;
}

Result<> unmap(std::uint64_t address, std::uint64_t size_bytes) {
    size_bytes = abi::align_up(size_bytes, abi::page_size);
    if (!check_range(address, size_bytes).ok()) return Errno::einval;
    std::uint64_t end = address + size_bytes;
    if (end > highest_address || (address < runtime_end && end > runtime_begin)) return Errno::einval;
    Operation operation;
    HUSK_TRY(space.prepare());
    space.remove(address, end);
    return {};
}

Result<> protect(std::uint64_t address, std::uint64_t size_bytes, Protection wanted) {
    if (address % abi::page_size != 0) return Errno::einval;
    if (size_bytes == 0) return {};
    size_bytes = abi::align_up(size_bytes, abi::page_size);
    if (!check_range(address, size_bytes).ok()) return Errno::enomem;
    std::uint64_t end = address + size_bytes;

    Operation operation;
    if (!space.is_covered(address, end)) return Errno::enomem;
    HUSK_TRY(space.prepare());
    // Memory that becomes writable is promised now, even when reserved with MAP_NORESERVE: that is how malloc grows
    // its arenas, and it can answer ENOMEM, which a later touch cannot.
    auto becomes_charged = [&](const MappingKind& kind, bool has_source) {
        return is_writable(wanted) && !kind.charged && !kind.stack && !kind.image && !(kind.shared && has_source);
    };
    std::uint64_t promised = 0;
    bool is_allowed = true;
    space.visit(address, end, [&](const Mapping& mapping, std::uint64_t from, std::uint64_t to) {
        is_allowed = is_allowed && (wanted & ~mapping.kind.allowed) == 0;
        if (!becomes_charged(mapping.kind, bool(mapping.source))) return;
        promised += (to - from) / abi::page_size - space.own_pages(from, to);
    });
    if (!is_allowed) return Errno::eacces;
    if (promised != 0) HUSK_TRY(promise_frames(promised));

    struct Newly {
        std::uint64_t begin, end;
    } newly = {};  // the first range that becomes writable
    space.visit(address, end, [&](const Mapping& mapping, std::uint64_t from, std::uint64_t to) {
        if (newly.end == 0 && is_writable(wanted) && !is_writable(mapping.kind.protection)) newly = {from, to};
    });
    space.change_kind(address, end, [&](MappingKind& kind, bool has_source) {
        kind.charged = kind.charged || becomes_charged(kind, has_source);
        kind.protection = wanted;
    });
    auto changed =
        space.tables().change_leaves(address, end, [&](std::uint64_t entry) { return with_protection(entry, wanted); });
    operation.end();
    if (newly.end != 0) attach_eagerly(newly.begin, newly.end);
    return changed;
}

}  // namespace husk::memory
