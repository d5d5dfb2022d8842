// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/journal/revoke_table.hpp"

#include <algorithm>

namespace husk::journal {

std::size_t RevokeTable::home(std::uint64_t block) const {
    return static_cast<std::size_t>((block * 0x9e37'79b9'7f4a'7c15) >> 32) & (slots_.size() - 1);
}

std::size_t RevokeTable::find(std::uint64_t block) const {
    if (slots_.size() == 0) return 0;
    for (std::size_t at = home(block); slots_[at].state != State::empty; at = (at + 1) & (slots_.size() - 1)) {
        if (slots_[at].state == State::used && slots_[at].block == block) return at;
    }
    return slots_.size();
}

void RevokeTable::put(const Slot& slot) {
    std::size_t at = home(slot.block);
    while (slots_[at].state != State::empty) at = (at + 1) & (slots_.size() - 1);
    slots_[at] = slot;
    ++filled_;
    ++count_;
}

// Into a table that is at most a quarter full.
Result<> RevokeTable::grow() {
    std::size_t size = 16;
    while (size < std::size_t{count_ + 1} * 4) size *= 2;
    auto old = std::move(slots_);
    auto bigger = fs::HeapArray<Slot>::create(size);
    if (!bigger.ok()) {
        slots_ = std::move(old);
        return bigger.error();
    }
    slots_ = std::move(bigger).value();
    std::fill_n(slots_.data(), slots_.size(), Slot{0, 0, State::empty});
    count_ = filled_ = 0;
    for (std::size_t i = 0; i < old.size(); ++i) {
        if (old[i].state == State::used) put(old[i]);
    }
    return {};
}

Result<> RevokeTable::add(std::uint64_t block, TransactionId transaction) {
    if (std::size_t at = find(block); at < slots_.size()) {
        if (is_later(transaction, slots_[at].transaction)) slots_[at].transaction = transaction;
        return {};
    }
    if (std::size_t{filled_ + 1} * 2 > slots_.size()) HUSK_TRY(grow());
    put({block, transaction, State::used});
    return {};
}

void RevokeTable::remove(std::uint64_t block) {
    std::size_t at = find(block);
    if (at >= slots_.size()) return;
    slots_[at].state = State::removed;
    --count_;
}

bool RevokeTable::revokes(std::uint64_t block, TransactionId transaction) const {
    std::size_t at = find(block);
    return at < slots_.size() && !is_later(transaction, slots_[at].transaction);
}

}  // namespace husk::journal
