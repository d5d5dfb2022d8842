// SPDX-License-Identifier: Apache-2.0
// Frames that are set aside, and what is done when there are too few of them.
#include <atomic>

#include "guest-runtime/base/spin.hpp"
#include "guest-runtime/memory/frame_state.hpp"
#include "guest-runtime/memory/frames.hpp"
#include "guest-runtime/memory/reclaim.hpp"

namespace husk::memory {

namespace {

constinit std::atomic<Reclaimer> reclaimer = nullptr;
// More than was asked for, so that not every allocation reclaims.
constexpr std::uint64_t reclaim_step = 256;
constinit std::atomic<std::uint32_t> returning = 0;

}  // namespace

bool wait_for_returning() {
    if (returning.load(std::memory_order_acquire) == 0) return false;
    while (returning.load(std::memory_order_acquire) != 0) spin_once();
    return true;
}

ReturningFrames::ReturningFrames() { returning.fetch_add(1, std::memory_order_acq_rel); }
ReturningFrames::~ReturningFrames() { returning.fetch_sub(1, std::memory_order_acq_rel); }

void set_reclaimer(Reclaimer wanted) { reclaimer.store(wanted, std::memory_order_release); }

bool make_spare(std::uint64_t frames) {
    Reclaimer reclaim = reclaimer.load(std::memory_order_acquire);
    std::uint64_t spare = frame_counts().spare();
    if (reclaim == nullptr || spare >= frames) return false;
    return reclaim(frames - spare + reclaim_step) != 0;
}

Result<> promise_frames(std::uint64_t frames) {
    make_spare(frames);
    auto promised = frame_state.account.promise(frames);
    return promised.ok() || !wait_for_returning() ? promised : frame_state.account.promise(frames);
}

void renew_promise(std::uint64_t frames) { frame_state.account.renew(frames); }
void drop_promise(std::uint64_t frames) { frame_state.account.drop(frames); }
FrameCounts frame_counts() { return frame_state.account.counts(); }

}  // namespace husk::memory
