// SPDX-License-Identifier: Apache-2.0
// How many frames are free and how many of these are promised, in one word: nobody waits for a lock to take or give.
//
//   take(n, claim), then find a block of n frames; where there is none, take_back(n, claim)
//   put a block where it is found, then give(n)
//
// So there are always at least as many frames to be found as the account says.
#pragma once

#include <atomic>
#include <cstdint>

#include "guest-runtime/base/panic.hpp"
#include "guest-runtime/base/result.hpp"
#include "guest-runtime/memory/frames.hpp"

namespace husk::memory {

class FrameAccount {
public:
    constexpr FrameAccount() = default;
    // Before anybody else uses it.
    void initialise(std::uint64_t total, std::uint64_t free, std::uint64_t reserved) {
        total_ = total;
        reserved_ = reserved;
        word_.store(free, std::memory_order_relaxed);
    }

    // ENOMEM when the claim does not reach that far.
    Result<> take(std::uint64_t frames, Claim claim) {
        std::uint64_t change = frames + (claim == Claim::promised ? frames << promised_shift : 0);
        std::uint64_t word = word_.load(std::memory_order_relaxed);
        do {
            if (!may_take(word, frames, claim)) return Errno::enomem;
            check(claim != Claim::promised || promised_in(word) >= frames, "more promises used than made");
        } while (
            !word_.compare_exchange_weak(word, word - change, std::memory_order_acquire, std::memory_order_relaxed));
        return {};
    }
    void take_back(std::uint64_t frames, Claim claim) {
        if (claim == Claim::promised) renew(frames);
        give(frames);
    }
    void give(std::uint64_t frames) { word_.fetch_add(frames, std::memory_order_release); }

    Result<> promise(std::uint64_t frames) {
        std::uint64_t word = word_.load(std::memory_order_relaxed);
        do {
            if (!may_take(word, frames, Claim::spare)) return Errno::enomem;
        } while (!word_.compare_exchange_weak(word, word + (frames << promised_shift), std::memory_order_relaxed));
        return {};
    }
    void renew(std::uint64_t frames) { word_.fetch_add(frames << promised_shift, std::memory_order_relaxed); }
    void drop(std::uint64_t frames) {
        std::uint64_t before = word_.fetch_sub(frames << promised_shift, std::memory_order_relaxed);
        check(promised_in(before) >= frames, "more promises dropped than made");
    }

    [[nodiscard]] FrameCounts counts() const {
        std::uint64_t word = word_.load(std::memory_order_relaxed);
        return {total_, free_in(word), promised_in(word), reserved_};
    }

private:
    // Free frames below, promised ones above: 2^32 frames are 16 TiB.
    static constexpr unsigned promised_shift = 32;
    static constexpr std::uint64_t free_in(std::uint64_t word) { return word & 0xffff'ffff; }
    static constexpr std::uint64_t promised_in(std::uint64_t word) { return word >> promised_shift; }

    [[nodiscard]] bool may_take(std::uint64_t word, std::uint64_t frames, Claim claim) const {
        std::uint64_t kept = 0;
        switch (claim) {
            case Claim::spare:
                kept = promised_in(word) + reserved_;
                break;
            case Claim::runtime:
                kept = promised_in(word) + reserved_ / 2;
                break;
            case Claim::page_tables:
                kept = promised_in(word);
                break;
            case Claim::promised:
                break;
        }
        return free_in(word) >= kept && free_in(word) - kept >= frames;
    }

    std::atomic<std::uint64_t> word_ = 0;
    std::uint64_t total_ = 0;
    std::uint64_t reserved_ = 0;
};

}  // namespace husk::memory
