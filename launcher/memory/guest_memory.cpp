// SPDX-License-Identifier: Apache-2.0
#include "launcher/memory/guest_memory.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include <husk/abi/memory_layout.hpp>

#include "launcher/memory/backing.hpp"

namespace husk::memory {

const char* name_of(Backing backing) {
    switch (backing) {
        case Backing::huge_1g:
            return "huge pages of 1 GiB";
        case Backing::huge_2m:
            return "huge pages of 2 MiB";
        case Backing::transparent_huge:
            return "transparent huge pages";
        case Backing::small:
            return "pages of 4 KiB";
    }
    return "?";
}

GuestMemory GuestMemory::create(std::uint64_t size_bytes, config::HugePages wish,
                                const config::MemoryPlacement& placement) {
    BackedMapping backed = create_backing(size_bytes, wish, placement);
    return {std::move(backed.mapping), backed.size_bytes, backed.backing};
}

GuestMemory::GuestMemory(host::Mapping mapping, std::uint64_t size_bytes, Backing backing)
    : mapping_(std::move(mapping)), size_bytes_(size_bytes), backing_(backing) {
    const std::span<std::byte> all = mapping_.bytes();
    const std::uint64_t low_bytes = std::min(size_bytes, abi::mmio_hole_begin);
    regions_[0] = {{0}, all.first(low_bytes)};
    region_count_ = 1;
    if (size_bytes > low_bytes) regions_[region_count_++] = {{abi::mmio_hole_end}, all.subspan(low_bytes)};
}

std::span<std::byte> GuestMemory::try_span(abi::GuestPhys begin, std::uint64_t size_bytes) const {
    for (const Region& region : regions()) {
        if (begin < region.begin) continue;
        const std::uint64_t offset = begin - region.begin;
        if (offset < region.bytes.size() && size_bytes <= region.bytes.size() - offset)
            return region.bytes.subspan(offset, size_bytes);
    }
    return {};
}

bool GuestMemory::copy_in(abi::GuestPhys from, std::span<std::byte> to) const {
    const std::span<std::byte> bytes = try_span(from, to.size());
    if (bytes.size() != to.size()) return false;
    if (!to.empty()) std::memcpy(to.data(), bytes.data(), to.size());
    return true;
}

bool GuestMemory::copy_out(abi::GuestPhys to, std::span<const std::byte> from) const {
    const std::span<std::byte> bytes = try_span(to, from.size());
    if (bytes.size() != from.size()) return false;
    if (!from.empty()) std::memcpy(bytes.data(), from.data(), from.size());
    return true;
}

std::span<std::uint64_t> GuestMemory::try_words(abi::GuestPhys begin, std::uint64_t size_bytes) const {
    const std::span<std::byte> bytes = try_span(begin, size_bytes);
    if (bytes.empty() || !begin.is_aligned(abi::page_size)) return {};
    // SAFETY: in range as just checked, page-aligned because regions begin on page boundaries, lives as long as
    // mapping_.
    return {reinterpret_cast<std::uint64_t*>(bytes.data()), bytes.size() / sizeof(std::uint64_t)};
}

void GuestMemory::prefault(abi::GuestPhys begin, std::uint64_t size_bytes) const {
    const std::span<std::byte> bytes = try_span(begin, size_bytes);
    if (bytes.empty()) return;
    mapping_.advise(static_cast<std::size_t>(bytes.data() - mapping_.data()), bytes.size(),
                    host::Advice::populate_writable);
}

bool GuestMemory::try_discard(abi::GuestPhys begin, std::uint64_t size_bytes) const {
    if (!begin.is_aligned(abi::large_page_size) || size_bytes % abi::large_page_size != 0) return false;
    const std::span<std::byte> bytes = try_span(begin, size_bytes);
    if (bytes.empty()) return false;
    return mapping_.advise(static_cast<std::size_t>(bytes.data() - mapping_.data()), bytes.size(),
                           host::Advice::discard);
}

}  // namespace husk::memory
