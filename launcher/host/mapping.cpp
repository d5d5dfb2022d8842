// SPDX-License-Identifier: Apache-2.0
#include "launcher/host/mapping.hpp"

#include <linux/mempolicy.h>
#include <linux/mman.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

namespace husk::host {

namespace {

std::byte* try_mmap(std::size_t size_bytes, int protection, int flags, int fd) {
    void* base = ::mmap(nullptr, size_bytes, protection, flags, fd, 0);
    return base == MAP_FAILED ? nullptr : static_cast<std::byte*>(base);
}

std::size_t misalignment_of(const std::byte* base, std::size_t alignment) {
    // SAFETY: only the numeric value is used.
    return reinterpret_cast<std::uintptr_t>(base) & (alignment - 1);
}

}  // namespace

Mapping Mapping::try_anonymous(std::size_t size_bytes, std::size_t alignment, PageKind kind) {
    int flags = MAP_PRIVATE | MAP_ANONYMOUS;
    if (kind == PageKind::small) flags |= MAP_NORESERVE;
    if (kind == PageKind::huge_2m) flags |= MAP_HUGETLB | MAP_HUGE_2MB;
    if (kind == PageKind::huge_1g) flags |= MAP_HUGETLB | MAP_HUGE_1GB;
    std::byte* base = try_mmap(size_bytes, PROT_READ | PROT_WRITE, flags, -1);
    if (base == nullptr) return {};
    if (misalignment_of(base, alignment) == 0) return {base, size_bytes};
    // Linux aligns large mappings by itself since 6.7. For older ones, some slack is cut off again.
    ::munmap(base, size_bytes);
    base = try_mmap(size_bytes + alignment, PROT_READ | PROT_WRITE, flags, -1);
    if (base == nullptr) return {};
    const std::size_t head = (alignment - misalignment_of(base, alignment)) % alignment;
    if (head != 0) ::munmap(base, head);
    ::munmap(base + head + size_bytes, alignment - head);
    return {base + head, size_bytes};
}

Mapping Mapping::try_shared(int fd, std::size_t size_bytes) {
    std::byte* base = try_mmap(size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
    return base == nullptr ? Mapping{} : Mapping{base, size_bytes};
}

Mapping Mapping::try_read_only(int fd, std::size_t size_bytes) {
    std::byte* base = try_mmap(size_bytes, PROT_READ, MAP_PRIVATE, fd);
    return base == nullptr ? Mapping{} : Mapping{base, size_bytes};
}

bool Mapping::advise(std::size_t offset, std::size_t size_bytes, Advice advice) const {
    const int kernel_advice = advice == Advice::huge_pages      ? MADV_HUGEPAGE
                              : advice == Advice::no_huge_pages ? MADV_NOHUGEPAGE
                              : advice == Advice::mergeable     ? MADV_MERGEABLE
                              : advice == Advice::discard       ? MADV_DONTNEED
                                                                : MADV_POPULATE_WRITE;
    return ::madvise(base_ + offset, size_bytes, kernel_advice) == 0;
}

bool Mapping::bind_to_node(unsigned node) const {
    constexpr std::size_t bits = 8 * sizeof(unsigned long);
    constexpr std::size_t max_nodes = 1024;
    unsigned long nodes[max_nodes / bits] = {};
    nodes[node / bits] = 1ul << (node % bits);
    // The kernel reads one bit less than it is told of.
    return ::syscall(SYS_mbind, base_, size_bytes_, MPOL_BIND, nodes, max_nodes + 1, 0) == 0;
}

std::uint64_t Mapping::resident_bytes() const {
    constexpr std::size_t page_bytes = 4096;
    constexpr std::size_t pages_per_call = 4096;
    unsigned char state[pages_per_call];
    std::uint64_t resident = 0;
    for (std::size_t offset = 0; offset < size_bytes_; offset += pages_per_call * page_bytes) {
        const std::size_t bytes = std::min(size_bytes_ - offset, pages_per_call * page_bytes);
        if (::mincore(base_ + offset, bytes, state) != 0) return resident;
        for (std::size_t page = 0; page < bytes / page_bytes; ++page) resident += (state[page] & 1u) * page_bytes;
    }
    return resident;
}

void Mapping::unmap() noexcept {
    if (base_ != nullptr) ::munmap(base_, size_bytes_);
}

}  // namespace husk::host
