// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/memory/mapping_tree.hpp"

#include <algorithm>

namespace husk::memory {

namespace {

// Recomputes what a node says about its subtree.
void summarise(Mapping& node) {
    node.lowest_begin = node.left != nullptr ? node.left->lowest_begin : node.begin;
    node.highest_end = node.right != nullptr ? node.right->highest_end : node.end;
    node.largest_gap = 0;
    if (node.left != nullptr) {
        node.largest_gap = std::max(node.left->largest_gap, node.begin - node.left->highest_end);
    }
    if (node.right != nullptr) {
        node.largest_gap = std::max({node.largest_gap, node.right->largest_gap, node.right->lowest_begin - node.end});
    }
}

// Splits a tree into what begins below `va` and the rest.
void split(Mapping* node, std::uint64_t va, Mapping*& low, Mapping*& high) {
    if (node == nullptr) {
        low = high = nullptr;
        return;
    }
    if (node->begin < va) {
        low = node;
        split(node->right, va, node->right, high);
    } else {
        high = node;
        split(node->left, va, low, node->left);
    }
    summarise(*node);
}

Mapping* join(Mapping* low, Mapping* high) {
    if (low == nullptr) return high;
    if (high == nullptr) return low;
    if (low->priority > high->priority) {
        low->right = join(low->right, high);
        summarise(*low);
        return low;
    }
    high->left = join(low, high->left);
    summarise(*high);
    return high;
}

Mapping* inserted(Mapping* node, Mapping& mapping) {
    if (node == nullptr || mapping.priority > node->priority) {
        split(node, mapping.begin, mapping.left, mapping.right);
        summarise(mapping);
        return &mapping;
    }
    Mapping*& child = mapping.begin < node->begin ? node->left : node->right;
    child = inserted(child, mapping);
    summarise(*node);
    return node;
}

Mapping* erased(Mapping* node, const Mapping& mapping) {
    if (node == &mapping) return join(node->left, node->right);
    Mapping*& child = mapping.begin < node->begin ? node->left : node->right;
    child = erased(child, mapping);
    summarise(*node);
    return node;
}

void summarise_path(Mapping* node, const Mapping& mapping) {
    if (node != &mapping) summarise_path(mapping.begin < node->begin ? node->left : node->right, mapping);
    summarise(*node);
}

// Highest place in [low, high), of which nothing but the subtree's mappings is taken.
std::optional<std::uint64_t> gap_in(const Mapping* node, std::uint64_t low, std::uint64_t high,
                                    std::uint64_t size_bytes, std::uint64_t alignment) {
    if (low >= high || high - low < size_bytes) return std::nullopt;
    if (node == nullptr) {
        std::uint64_t place = abi::align_down(high - size_bytes, alignment);
        return place >= low ? std::optional(place) : std::nullopt;
    }
    if (node->begin >= high) return gap_in(node->left, low, high, size_bytes, alignment);
    if (node->end <= low) return gap_in(node->right, low, high, size_bytes, alignment);
    std::uint64_t below = node->lowest_begin > low ? node->lowest_begin - low : 0;
    std::uint64_t above = high > node->highest_end ? high - node->highest_end : 0;
    if (std::max({node->largest_gap, below, above}) < size_bytes) return std::nullopt;
    auto place = gap_in(node->right, node->end, high, size_bytes, alignment);
    return place ? place : gap_in(node->left, low, node->begin, size_bytes, alignment);
}

}  // namespace

void MappingTree::insert(Mapping& mapping) {
    random_ ^= random_ << 13;
    random_ ^= random_ >> 7;
    random_ ^= random_ << 17;
    mapping.priority = random_;
    root_ = inserted(root_, mapping);
}

void MappingTree::erase(Mapping& mapping) {
    root_ = erased(root_, mapping);
    mapping.left = mapping.right = nullptr;
}

void MappingTree::resize(Mapping& mapping, std::uint64_t begin, std::uint64_t end) {
    mapping.begin = begin;
    mapping.end = end;
    summarise_path(root_, mapping);
}

Mapping* MappingTree::first_ending_after(std::uint64_t va) const {
    Mapping* best = nullptr;
    for (Mapping* node = root_; node != nullptr;) {
        if (node->end > va) {
            best = node;
            node = node->left;
        } else {
            node = node->right;
        }
    }
    return best;
}

Mapping* MappingTree::last_beginning_before(std::uint64_t va) const {
    Mapping* best = nullptr;
    for (Mapping* node = root_; node != nullptr;) {
        if (node->begin < va) {
            best = node;
            node = node->right;
        } else {
            node = node->left;
        }
    }
    return best;
}

Mapping* MappingTree::find(std::uint64_t va) const {
    Mapping* mapping = first_ending_after(va);
    return mapping != nullptr && mapping->begin <= va ? mapping : nullptr;
}

bool MappingTree::is_free(std::uint64_t begin, std::uint64_t end) const {
    const Mapping* mapping = first_ending_after(begin);
    return mapping == nullptr || mapping->begin >= end;
}

std::optional<std::uint64_t> MappingTree::find_gap(std::uint64_t low, std::uint64_t high, std::uint64_t size_bytes,
                                                   std::uint64_t alignment) const {
    return gap_in(root_, low, high, size_bytes, alignment);
}

}  // namespace husk::memory
