// SPDX-License-Identifier: Apache-2.0
// A range of the launcher's own address space with one owner; the only door to mmap.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace husk::host {

// What backs an anonymous mapping, as far as mmap decides it.
enum class PageKind { small, huge_2m, huge_1g };

// discard: the pages go back to the kernel; anonymous memory reads as 0 afterwards.
enum class Advice { huge_pages, no_huge_pages, populate_writable, mergeable, discard };

class Mapping final {
public:
    Mapping() = default;
    Mapping(Mapping&& other) noexcept
        : base_(std::exchange(other.base_, nullptr)), size_bytes_(std::exchange(other.size_bytes_, 0)) {}
    Mapping& operator=(Mapping&& other) noexcept {
        if (this != &other) {
            unmap();
            base_ = std::exchange(other.base_, nullptr);
            size_bytes_ = std::exchange(other.size_bytes_, 0);
        }
        return *this;
    }
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;
    ~Mapping() { unmap(); }

    // Private anonymous memory, zero, backed on first touch, begin aligned to `alignment` (a power of two). Small pages
    // are not reserved in advance, huge ones are. An empty Mapping when the kernel has no such memory (errno tells
    // why).
    [[nodiscard]] static Mapping try_anonymous(std::size_t size_bytes, std::size_t alignment, PageKind kind);

    // A shared view of an open file or device; empty on failure.
    [[nodiscard]] static Mapping try_shared(int fd, std::size_t size_bytes);

    // A private read-only view of an open file; empty on failure.
    [[nodiscard]] static Mapping try_read_only(int fd, std::size_t size_bytes);

    // false: the kernel did not take it. offset and size are multiples of the page size.
    bool advise(std::size_t offset, std::size_t size_bytes, Advice advice) const;

    // Pages that are not backed yet will come from this NUMA node only. false: the kernel did not take it (errno).
    [[nodiscard]] bool bind_to_node(unsigned node) const;

    // Bytes backed by pages that are in memory now.
    [[nodiscard]] std::uint64_t resident_bytes() const;

    [[nodiscard]] bool is_mapped() const { return base_ != nullptr; }
    [[nodiscard]] std::byte* data() const { return base_; }
    [[nodiscard]] std::size_t size_bytes() const { return size_bytes_; }
    [[nodiscard]] std::span<std::byte> bytes() const { return {base_, size_bytes_}; }

private:
    Mapping(std::byte* base, std::size_t size_bytes) : base_(base), size_bytes_(size_bytes) {}
    void unmap() noexcept;

    std::byte* base_ = nullptr;
    std::size_t size_bytes_ = 0;
};

}  // namespace husk::host
