// SPDX-License-Identifier: Apache-2.0
// The questions about the address space that change nothing.
#include <cstring>

#include "guest-runtime/memory/address_space.hpp"
#include "guest-runtime/memory/space.hpp"

namespace husk::memory {

Result<> check_mapped(std::uint64_t address, std::uint64_t size_bytes) {
    std::uint64_t end = 0;
    if (__builtin_add_overflow(address, size_bytes, &end)) return Errno::enomem;
    Operation operation;
    if (!space.is_covered(address, end)) return Errno::enomem;
    return {};
}

Result<> write_back_mapped(std::uint64_t address, std::uint64_t size_bytes) {
    std::uint64_t end = address + size_bytes;
    while (address < end) {
        RefPtr<PageSource> source;
        std::uint64_t first = 0, pages = 0;
        {
            Operation operation;
            Mapping* mapping = space.tree().first_ending_after(address);
            if (mapping == nullptr || mapping->begin >= end) return {};
            address = std::max(address, mapping->begin);
            std::uint64_t stop = std::min(end, mapping->end);
            if (mapping->kind.shared) source = mapping->source;
            first = mapping->index_of(address);
            pages = (stop - address) / abi::page_size;
            address = stop;
        }
        if (source) HUSK_TRY(source->write_back(first, pages));
    }
    return {};
}

Result<> residency(std::uint64_t address, std::uint64_t pages, std::uint8_t* resident) {
    Operation operation;
    std::uint64_t end = address + pages * abi::page_size;
    if (!space.is_covered(address, end)) return Errno::enomem;
    std::memset(resident, 0, pages);
    space.tables().visit_leaves(address, end, [&](std::uint64_t va, std::uint64_t, unsigned level) {
        std::uint64_t leaf_end = abi::align_down(va, PageTables::span_of(level)) + PageTables::span_of(level);
        for (; va < leaf_end && va < end; va += abi::page_size) resident[(va - address) / abi::page_size] = 1;
    });
    return {};
}

void visit_ranges(RangeVisitor& visitor) {
    Operation operation;
    // Ranges that differ only in who owns their frames look like one.
    Mapping pending;
    auto report = [&] {
        const char* name = pending.kind.name != nullptr ? pending.kind.name : "";
        if (pending.begin != pending.end) {
            visitor.visit(pending.begin, pending.end, pending.kind.protection, pending.kind.shared, name);
        }
    };
    space.visit(0, highest_address, [&](const Mapping& mapping, std::uint64_t begin, std::uint64_t end) {
        const MappingKind& kind = mapping.kind;
        bool is_alike = pending.end == begin && kind.protection == pending.kind.protection &&
                        kind.shared == pending.kind.shared && kind.name == pending.kind.name && kind.name != nullptr &&
                        !mapping.source;
        if (!is_alike) {
            report();
            pending.begin = begin;
            pending.kind = kind;
        }
        pending.end = end;
    });
    report();
}

SpaceUsage space_usage() {
    Operation operation;
    SpaceUsage usage = {};
    space.visit(0, highest_address, [&](const Mapping&, std::uint64_t begin, std::uint64_t end) {
        usage.mapped_bytes += end - begin;
        space.tables().visit_leaves(begin, end, [&](std::uint64_t, std::uint64_t, unsigned level) {
            usage.resident_bytes += PageTables::span_of(level);
        });
    });
    return usage;
}

}  // namespace husk::memory
