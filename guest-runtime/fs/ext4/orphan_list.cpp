// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/ext4/orphan_list.hpp"

namespace husk::fs::ext4 {

Result<> OrphanList::add(journal::Handle& handle, Node& node) {
    Guard guard(lock_);
    if (node.ListNode<OrphanTag>::is_linked()) return {};
    std::uint32_t head = volume_.last_orphan();
    HUSK_TRY(volume_.set_last_orphan(handle, node.number()));
    node.update([&](InodeRecord& record) { record.next_orphan = head; });
    nodes_.push_front(node);
    return node.store(handle);
}

Result<> OrphanList::remove(journal::Handle& handle, Node& node) {
    Guard guard(lock_);
    if (!node.ListNode<OrphanTag>::is_linked()) return {};
    std::uint32_t next = node.record().next_orphan;
    if (nodes_.front() == &node) {
        HUSK_TRY(volume_.set_last_orphan(handle, next));
    } else {
        auto& before = static_cast<Node&>(*node.ListNode<OrphanTag>::previous);
        before.update([&](InodeRecord& record) { record.next_orphan = next; });
        HUSK_TRY(before.store(handle));
    }
    node.ListNode<OrphanTag>::unlink();
    node.update([](InodeRecord& record) { record.next_orphan = 0; });
    return node.store(handle);
}

void OrphanList::forget(Node& node) {
    Guard guard(lock_);
    node.ListNode<OrphanTag>::unlink();
}

RefPtr<Node> OrphanList::find_nameless() {
    Guard guard(lock_);
    for (Node& node : nodes_) {
        if (node.links() == 0 && node.try_retain()) return RefPtr<Node>::adopt(&node);
    }
    return {};
}

void OrphanList::adopt(Node& node) {
    Guard guard(lock_);
    nodes_.push_front(node);
}

}  // namespace husk::fs::ext4
