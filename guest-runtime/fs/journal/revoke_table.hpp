// SPDX-License-Identifier: Apache-2.0
// The revoked blocks of a log or of one transaction, each with the last transaction that revoked it.
#pragma once

#include <cstdint>

#include "guest-runtime/base/result.hpp"
#include "guest-runtime/fs/heap_array.hpp"
#include "guest-runtime/fs/journal/handle.hpp"

namespace husk::journal {

// Open addressing; grows. Not locked.
class RevokeTable {
public:
    // The later of two transactions stays. ENOMEM.
    Result<> add(std::uint64_t block, TransactionId transaction);
    void remove(std::uint64_t block);
    // Whether a copy of `block` in `transaction` is not to be replayed: revoked then or later.
    [[nodiscard]] bool revokes(std::uint64_t block, TransactionId transaction) const;
    [[nodiscard]] std::uint32_t count() const { return count_; }

    // Calls visit(block) for each.
    template <class Visit>
    void for_each(Visit visit) const {
        for (std::size_t i = 0; i < slots_.size(); ++i) {
            if (slots_[i].state == State::used) visit(slots_[i].block);
        }
    }

private:
    enum class State : std::uint32_t { empty, used, removed };
    struct Slot {
        std::uint64_t block;
        TransactionId transaction;
        State state;
    };

    // Where `block` is, or slots_.size().
    [[nodiscard]] std::size_t find(std::uint64_t block) const;
    [[nodiscard]] std::size_t home(std::uint64_t block) const;
    void put(const Slot& slot);
    Result<> grow();

    fs::HeapArray<Slot> slots_;  // a power of two, or none
    std::uint32_t count_ = 0;
    std::uint32_t filled_ = 0;  // used or removed
};

}  // namespace husk::journal
