// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/thread/pending_signals.hpp"

#include <algorithm>
#include <bit>
#include <new>

namespace husk::thread {

PendingSignals::~PendingSignals() {
    while (Entry* entry = entries_.pop_front()) delete entry;
}

PendingSignals::Entry* PendingSignals::find_timer(const SignalInfo& info) {
    if (info.code != si_timer || (set_ & signal_bit(info.number)) == 0) return nullptr;
    for (Entry& entry : entries_) {
        const SignalInfo& there = entry.info;
        if (there.number == info.number && there.code == si_timer && there.timer.id == info.timer.id) return &entry;
    }
    return nullptr;
}

bool PendingSignals::add(const SignalInfo& info) {
    SignalSet bit = signal_bit(info.number);
    if (Entry* entry = find_timer(info)) {
        std::int32_t& overrun = entry->info.timer.overrun;
        std::int64_t missed = std::int64_t{1} + overrun + info.timer.overrun;
        overrun = static_cast<std::int32_t>(std::min<std::int64_t>(missed, INT32_MAX));
        return true;
    }
    if ((set_ & bit) != 0 && info.number < signal_number::first_realtime) return false;
    if (auto* entry = new (std::nothrow) Entry) {
        entry->info = info;
        entries_.push_back(*entry);
    }
    set_ |= bit;
    return false;
}

bool PendingSignals::take(SignalSet wanted, SignalInfo& info) {
    using namespace signal_number;
    constexpr SignalSet synchronous =
        signal_bit(segv) | signal_bit(bus) | signal_bit(ill) | signal_bit(trap) | signal_bit(fpe) | signal_bit(sys);
    SignalSet candidates = set_ & wanted;
    if (candidates == 0) return false;
    SignalSet first = (candidates & synchronous) != 0 ? candidates & synchronous : candidates;
    int number = std::countr_zero(first) + 1;

    info = sender_info(number, si_user);
    bool found = false;
    bool more = false;
    for (Entry& entry : entries_) {
        if (entry.info.number != number) continue;
        if (found) {
            more = true;
            break;
        }
        info = entry.info;
        entry.unlink();
        delete &entry;
        found = true;
    }
    if (!more) set_ &= ~signal_bit(number);
    return true;
}

void PendingSignals::discard(int number) {
    set_ &= ~signal_bit(number);
    for (Entry& entry : entries_) {
        if (entry.info.number != number) continue;
        entry.unlink();
        delete &entry;
    }
}

void PendingSignals::discard_timer(const SignalInfo& info) {
    Entry* found = find_timer(info);
    if (found == nullptr) return;
    found->unlink();
    delete found;
    for (const Entry& entry : entries_) {
        if (entry.info.number == info.number) return;
    }
    set_ &= ~signal_bit(info.number);
}

}  // namespace husk::thread
