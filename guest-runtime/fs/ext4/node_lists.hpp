// SPDX-License-Identifier: Apache-2.0
// The inodes in memory by number, and those that the disk does not know the latest of.
#pragma once

#include "guest-runtime/fs/ext4/node.hpp"

namespace husk::fs::ext4 {

// Keeps inodes after their last use, up to a bound. Each inode is there once.
class NodeCache {
public:
    ~NodeCache();
    // Null when it is not there.
    RefPtr<Node> find(std::uint32_t number);
    // Adds one that is not there, or answers the one that is.
    RefPtr<Node> insert(RefPtr<Node> node);
    // It has lost its last name, so nobody finds it any more.
    void drop(Node& node);
    // Lets go of unused inodes beyond the bound, the longest unused first. Not inside a handle.
    void shrink(std::size_t bound);

private:
    static constexpr std::size_t bucket_count = 1024;
    using Bucket = List<Node, CacheTag>;
    // Numbers are often multiples of a group's size apart.
    Bucket& bucket(std::uint32_t number) { return buckets_[number * 2654435761u >> 22]; }

    Spinlock lock_;
    Bucket buckets_[bucket_count];
    std::size_t count_ = 0;
    std::size_t hand_ = 0;  // the bucket at which shrink() goes on
};

// Holds a reference on each.
class DirtyList {
public:
    ~DirtyList();
    void add(Node& node);
    // Takes it off when it is there; the reference is then the caller's.
    bool take(Node& node);
    // Any one of them, still on the list, or null.
    RefPtr<Node> first();

private:
    Spinlock lock_;
    List<Node, DirtyTag> nodes_;
};

}  // namespace husk::fs::ext4
