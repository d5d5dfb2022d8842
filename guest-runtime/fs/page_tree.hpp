// SPDX-License-Identifier: Apache-2.0
// A file's pages by index: a radix tree of frames in which holes cost nothing, and marked pages are found at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include <husk/abi/guest_address.hpp>

#include "guest-runtime/base/result.hpp"

namespace husk::fs {

// Holds frames, does not count their references: the owner says what happens to those that leave. The low 12 bits of a
// frame's address are the owner's to use; no frame is 0. Not locked.
class PageTree {
public:
    using Release = void (*)(abi::GuestPhys frame);

    constexpr PageTree() = default;
    PageTree(const PageTree&) = delete;
    PageTree& operator=(const PageTree&) = delete;
    ~PageTree();  // with pages still in it: only the nodes go

    // gpa 0: a hole.
    [[nodiscard]] abi::GuestPhys find(std::uint64_t index) const;
    // The place must be a hole. ENOMEM when there is no memory for a node.
    Result<> insert(std::uint64_t index, abi::GuestPhys frame);
    // Empties [first, last], handing every page to `release`.
    void remove(std::uint64_t first, std::uint64_t last, Release release);
    // The first page at or behind `index`.
    [[nodiscard]] std::optional<std::uint64_t> next_page(std::uint64_t index) const;
    // Another frame, or other low bits, for a page that is there.
    void replace(std::uint64_t index, abi::GuestPhys frame);
    [[nodiscard]] std::uint64_t page_count() const { return page_count_; }

    // Of a page that is there. A page that is removed loses its mark.
    void mark(std::uint64_t index);
    void unmark(std::uint64_t index);
    // The first marked page at or behind `index`.
    [[nodiscard]] std::optional<std::uint64_t> next_marked(std::uint64_t index) const;
    [[nodiscard]] std::uint64_t marked_count() const { return marked_count_; }

private:
    static constexpr unsigned bits = 6;
    static constexpr std::uint64_t fan_out = 1u << bits;
    struct Node;
    union Slot {
        Node* node;
        std::uint64_t page;  // in a node of the lowest level, and in the root of a tree of height 0
    };

    // How many levels of nodes an index needs.
    static unsigned height_for(std::uint64_t index);
    static std::uint64_t pages_below(unsigned height);
    void remove_below(Slot& slot, unsigned height, std::uint64_t base, std::uint64_t first, std::uint64_t last,
                      Release release);
    static std::optional<std::uint64_t> next_below(const Slot& slot, unsigned height, std::uint64_t base,
                                                   std::uint64_t index, bool marked);
    Slot& slot_of(std::uint64_t index);

    Slot root_ = {.node = nullptr};
    unsigned height_ = 0;
    bool root_is_marked_ = false;  // for a tree of height 0: that page; else: some page
    std::uint64_t page_count_ = 0;
    std::uint64_t marked_count_ = 0;
};

}  // namespace husk::fs
