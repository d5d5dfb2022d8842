// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/ext4/node_lists.hpp"

namespace husk::fs::ext4 {

NodeCache::~NodeCache() {
    for (Bucket& bucket : buckets_) {
        while (Node* node = bucket.pop_front()) node->release();
    }
}

RefPtr<Node> NodeCache::find(std::uint32_t number) {
    Guard guard(lock_);
    for (Node& node : bucket(number)) {
        if (node.number() == number) return RefPtr<Node>(&node);
    }
    return {};
}

RefPtr<Node> NodeCache::insert(RefPtr<Node> node) {
    Guard guard(lock_);
    for (Node& other : bucket(node->number())) {
        if (other.number() == node->number()) return RefPtr<Node>(&other);
    }
    bucket(node->number()).push_back(*RefPtr<Node>(node).leak());
    ++count_;
    return node;
}

void NodeCache::drop(Node& node) {
    RefPtr<Node> reference;
    Guard guard(lock_);
    if (!node.ListNode<CacheTag>::is_linked()) return;
    node.ListNode<CacheTag>::unlink();
    --count_;
    reference = RefPtr<Node>::adopt(&node);
}

void NodeCache::shrink(std::size_t bound) {
    for (std::size_t looked = 0; looked < bucket_count; ++looked) {
        RefPtr<Node> victims[8];
        std::size_t found = 0;
        Guard guard(lock_);
        if (count_ <= bound) return;
        for (Node& node : buckets_[hand_]) {
            // Nobody but this cache has it, and only through the cache could somebody get it.
            if (node.is_shared() || found == std::size(victims)) continue;
            node.ListNode<CacheTag>::unlink();
            --count_;
            victims[found++] = RefPtr<Node>::adopt(&node);
        }
        hand_ = (hand_ + 1) % bucket_count;
    }
}

DirtyList::~DirtyList() {
    while (Node* node = nodes_.pop_front()) node->release();
}

void DirtyList::add(Node& node) {
    Guard guard(lock_);
    if (node.ListNode<DirtyTag>::is_linked()) return;
    node.retain();
    nodes_.push_back(node);
}

bool DirtyList::take(Node& node) {
    Guard guard(lock_);
    if (!node.ListNode<DirtyTag>::is_linked()) return false;
    node.ListNode<DirtyTag>::unlink();
    return true;
}

RefPtr<Node> DirtyList::first() {
    Guard guard(lock_);
    return RefPtr<Node>(nodes_.front());
}

}  // namespace husk::fs::ext4
