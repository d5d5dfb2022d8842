// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/page_tree.hpp"

#include <algorithm>
#include <bit>
#include <new>

namespace husk::fs {

struct PageTree::Node {
    Slot slots[fan_out];
    std::uint64_t marked;  // bit by slot: that page, or some page below
    unsigned used;

    static Node* create() {
        Node* node = new (std::nothrow) Node;
        if (node == nullptr) return nullptr;
        for (Slot& slot : node->slots) slot.page = 0;
        node->marked = 0;
        node->used = 0;
        return node;
    }
};

namespace {

void keep(abi::GuestPhys) {}

}  // namespace

PageTree::~PageTree() { remove(0, UINT64_MAX, keep); }

unsigned PageTree::height_for(std::uint64_t index) {
    unsigned height = 0;
    for (; index != 0; index >>= bits) ++height;
    return height;
}

std::uint64_t PageTree::pages_below(unsigned height) {
    return height * bits >= 64 ? UINT64_MAX : std::uint64_t{1} << (height * bits);
}

abi::GuestPhys PageTree::find(std::uint64_t index) const {
    if (height_for(index) > height_) return {0};
    Slot slot = root_;
    for (unsigned level = height_; level > 0; --level) {
        if (slot.node == nullptr) return {0};
        slot = slot.node->slots[(index >> ((level - 1) * bits)) & (fan_out - 1)];
    }
    return {slot.page};
}

Result<> PageTree::insert(std::uint64_t index, abi::GuestPhys frame) {
    unsigned wanted = height_for(index);
    if (page_count_ == 0 && root_.page == 0) height_ = std::max(height_, wanted);
    while (height_ < wanted) {
        Node* above = Node::create();
        if (above == nullptr) return Errno::enomem;
        above->slots[0] = root_;
        above->marked = root_is_marked_ ? 1 : 0;
        above->used = 1;
        root_.node = above;
        ++height_;
    }
    Slot* slot = &root_;
    Node* parent = nullptr;
    for (unsigned level = height_; level > 0; --level) {
        if (slot->node == nullptr) {
            // An error further down leaves this node empty; the next insertion or removal there uses it or frees it.
            Node* node = Node::create();
            if (node == nullptr) return Errno::enomem;
            slot->node = node;
            if (parent != nullptr) ++parent->used;
        }
        parent = slot->node;
        slot = &parent->slots[(index >> ((level - 1) * bits)) & (fan_out - 1)];
    }
    slot->page = frame.value;
    if (parent != nullptr) ++parent->used;
    ++page_count_;
    return {};
}

// Empties the part of [first, last] below `slot`, whose first page is `base`. Leaves the slot null when nothing is
// left.
void PageTree::remove_below(Slot& slot, unsigned height, std::uint64_t base, std::uint64_t first, std::uint64_t last,
                            Release release) {
    if (slot.page == 0) return;
    if (height == 0) {
        release({slot.page});
        slot.page = 0;
        --page_count_;
        return;
    }
    Node* node = slot.node;
    std::uint64_t step = pages_below(height - 1);
    std::uint64_t from = first > base ? (first - base) / step : 0;
    std::uint64_t to = std::min((last - base) / step, fan_out - 1);
    for (std::uint64_t i = from; i <= to; ++i) {
        Slot& below = node->slots[i];
        if (below.page == 0) continue;
        std::uint64_t bit = 1ull << i;
        if (height == 1 && (node->marked & bit) != 0) --marked_count_;
        remove_below(below, height - 1, base + i * step, first, last, release);
        if (below.page == 0) --node->used;
        if (below.page == 0 || (height > 1 && below.node->marked == 0)) node->marked &= ~bit;
    }
    if (node->used == 0) {
        delete node;
        slot.page = 0;
    }
}

void PageTree::remove(std::uint64_t first, std::uint64_t last, Release release) {
    if (first > last || height_for(first) > height_) return;
    if (height_ == 0 && root_is_marked_) --marked_count_;
    remove_below(root_, height_, 0, first, last, release);
    root_is_marked_ = marked_count_ != 0;
    if (root_.page == 0) height_ = 0;
}

PageTree::Slot& PageTree::slot_of(std::uint64_t index) {
    Slot* slot = &root_;
    for (unsigned level = height_; level > 0; --level) {
        slot = &slot->node->slots[(index >> ((level - 1) * bits)) & (fan_out - 1)];
    }
    return *slot;
}

void PageTree::replace(std::uint64_t index, abi::GuestPhys frame) { slot_of(index).page = frame.value; }

void PageTree::mark(std::uint64_t index) {
    bool was_marked = root_is_marked_;
    root_is_marked_ = true;
    Slot* slot = &root_;
    for (unsigned level = height_; level > 0; --level) {
        unsigned place = (index >> ((level - 1) * bits)) & (fan_out - 1);
        std::uint64_t bit = 1ull << place;
        was_marked = (slot->node->marked & bit) != 0;
        slot->node->marked |= bit;
        slot = &slot->node->slots[place];
    }
    if (!was_marked) ++marked_count_;
}

void PageTree::unmark(std::uint64_t index) {
    Node* path[64 / bits + 1];
    Slot* slot = &root_;
    bool was_marked = root_is_marked_;
    for (unsigned level = height_; level > 0; --level) {
        unsigned place = (index >> ((level - 1) * bits)) & (fan_out - 1);
        path[level] = slot->node;
        was_marked = (slot->node->marked >> place & 1) != 0;
        slot = &slot->node->slots[place];
    }
    if (!was_marked) return;
    --marked_count_;
    for (unsigned level = 1; level <= height_; ++level) {
        path[level]->marked &= ~(1ull << ((index >> ((level - 1) * bits)) & (fan_out - 1)));
        if (path[level]->marked != 0) break;
    }
    root_is_marked_ = marked_count_ != 0;
}

// With `marked` only marked pages count, and the caller has seen that there is one below.
std::optional<std::uint64_t> PageTree::next_below(const Slot& slot, unsigned height, std::uint64_t base,
                                                  std::uint64_t index, bool marked) {
    if (slot.page == 0) return {};
    if (height == 0) return base;
    std::uint64_t step = pages_below(height - 1);
    for (std::uint64_t i = index > base ? (index - base) / step : 0; i < fan_out; ++i) {
        if (marked) {
            std::uint64_t left = slot.node->marked >> i;
            if (left == 0) return {};
            i += static_cast<unsigned>(std::countr_zero(left));
        }
        if (auto found = next_below(slot.node->slots[i], height - 1, base + i * step, index, marked)) return found;
    }
    return {};
}

std::optional<std::uint64_t> PageTree::next_page(std::uint64_t index) const {
    if (height_for(index) > height_) return {};
    return next_below(root_, height_, 0, index, false);
}

std::optional<std::uint64_t> PageTree::next_marked(std::uint64_t index) const {
    if (!root_is_marked_ || height_for(index) > height_) return {};
    return next_below(root_, height_, 0, index, true);
}

}  // namespace husk::fs
