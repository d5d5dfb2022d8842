// SPDX-License-Identifier: Apache-2.0
// The inodes that would need cleaning up after a crash: without a name but still in use, or being truncated.
#pragma once

#include "guest-runtime/fs/ext4/node.hpp"

namespace husk::fs::ext4 {

// On the disk a chain: the superblock names the first, each inode the next. In memory the same inodes in the same
// order.
class OrphanList {
public:
    // What add() and remove() modify.
    static constexpr std::uint32_t credits = 3;

    explicit OrphanList(Volume& volume) : volume_(volume) {}

    // No-op when it is there (or not).
    Result<> add(journal::Handle& handle, Node& node);
    Result<> remove(journal::Handle& handle, Node& node);
    // In memory only, for one that goes away without a change of the disk.
    void forget(Node& node);
    // One that has no name and is in use; null when there is none.
    RefPtr<Node> find_nameless();
    // At mount: `node` is the head of the chain already.
    void adopt(Node& node);

private:
    Volume& volume_;
    thread::Mutex lock_;
    List<Node, OrphanTag> nodes_;
};

}  // namespace husk::fs::ext4
