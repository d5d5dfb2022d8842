// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/journal/transaction.hpp"

namespace husk::journal {

using block::Buffer;
using block::BufferRole;

namespace {

template <class Tag>
void leave_list(Buffer& buffer) {
    static_cast<ListNode<Tag>&>(buffer).unlink();
}

}  // namespace

Transaction::~Transaction() { drop_all(); }

void Transaction::add_modified(Buffer& buffer) {
    buffer.users_.fetch_add(1, std::memory_order_relaxed);
    buffer.running_ = BufferRole::modified;
    modified.push_back(buffer);
    ++modified_count;
}

void Transaction::remove_modified(Buffer& buffer) {
    leave_list<block::RunningTag>(buffer);
    buffer.running_ = BufferRole::none;
    --modified_count;
    buffer.users_.fetch_sub(1, std::memory_order_release);
}

void Transaction::add_forgotten(Buffer& buffer) {
    buffer.users_.fetch_add(1, std::memory_order_relaxed);
    buffer.running_ = BufferRole::forgotten;
    forgotten.push_back(buffer);
}

void Transaction::begin_commit() {
    while (Buffer* buffer = modified.pop_front()) {
        buffer->running_ = BufferRole::none;
        buffer->committing_ = BufferRole::modified;
        committing.push_back(*buffer);
    }
    while (Buffer* buffer = forgotten.pop_front()) {
        buffer->running_ = BufferRole::none;
        buffer->committing_ = BufferRole::forgotten;
        committing_forgotten.push_back(*buffer);
    }
}

void Transaction::end_commit() {
    while (Buffer* buffer = committing.pop_front()) {
        buffer->committing_ = BufferRole::none;
        if (buffer->checkpoint_ != nullptr) leave_checkpoint(*buffer);
        buffer->checkpoint_ = this;
        to_write_home.push_back(*buffer);
    }
    while (Buffer* buffer = committing_forgotten.pop_front()) {
        buffer->committing_ = BufferRole::none;
        if (buffer->checkpoint_ != nullptr) leave_checkpoint(*buffer);
        buffer->users_.fetch_sub(1, std::memory_order_release);
    }
}

void Transaction::leave_checkpoint(Buffer& buffer) {
    leave_list<block::CheckpointTag>(buffer);
    buffer.checkpoint_ = nullptr;
    buffer.users_.fetch_sub(1, std::memory_order_release);
}

void Transaction::drop_all() {
    begin_commit();
    for (auto* list : {&committing, &committing_forgotten}) {
        while (Buffer* buffer = list->pop_front()) {
            buffer->committing_ = BufferRole::none;
            buffer->users_.fetch_sub(1, std::memory_order_release);
        }
    }
    while (Buffer* buffer = to_write_home.front()) leave_checkpoint(*buffer);
    while (OrderedData* data = ordered.pop_front()) data->transaction_ = nullptr;
    while (CommitHook* hook = hooks.pop_front()) hook->on_end(false);
}

}  // namespace husk::journal
