// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/poll_set.hpp"

#include <atomic>
#include <memory>
#include <new>

#include "guest-runtime/fs/descriptor_table.hpp"
#include "guest-runtime/thread/wait_queue.hpp"

namespace husk::fs {

namespace {

class PollWaiter final : public thread::Waiter {
public:
    explicit PollWaiter(std::atomic<bool>& woken) : Waiter(false), woken_(woken), thread_(thread::current()) {}
    bool on_wake() override {
        woken_.store(true, std::memory_order_release);
        thread::unpark(thread_);
        return true;
    }

private:
    std::atomic<bool>& woken_;
    thread::Thread& thread_;
};

// One item that is open: keeps the file, and while waiting a place in its queue.
struct Entry {
    RefPtr<File> file;
    std::optional<PollWaiter> waiter;

    ~Entry() { leave(); }
    void join(std::atomic<bool>& woken) {
        if (!file || file->wait_queue() == nullptr) return;
        waiter.emplace(woken);
        file->wait_queue()->add(*waiter);
    }
    void leave() {
        if (waiter) file->wait_queue()->remove(*waiter);
        waiter.reset();
    }
};

std::size_t ask_all(std::span<PollItem> items, std::span<Entry> entries) {
    std::size_t count = 0;
    for (std::size_t i = 0; i < items.size(); ++i) {
        PollItem& item = items[i];
        if (entries[i].file) {
            unsigned reported = item.wanted | poll_bit::error | poll_bit::hang_up;
            item.found = entries[i].file->poll(item.wanted) & reported;
        }
        if (item.found != 0) ++count;
    }
    return count;
}

Result<std::size_t> wait_for_any(std::span<PollItem> items, std::span<Entry> entries, thread::Deadline deadline) {
    std::atomic<bool> woken = false;
    for (Entry& entry : entries) entry.join(woken);
    for (;;) {
        // Whole before the files are asked: a store that came later would wipe out a wake-up they did not show yet.
        woken.exchange(false, std::memory_order_seq_cst);
        if (std::size_t count = ask_all(items, entries)) return count;
        thread::prepare_to_park();
        if (woken.load(std::memory_order_acquire)) {
            thread::cancel_park();
            continue;
        }
        thread::Wakeup why = thread::park(deadline);
        if (why == thread::Wakeup::event) continue;
        if (std::size_t count = ask_all(items, entries)) return count;
        return why == thread::Wakeup::timeout ? Result<std::size_t>(std::size_t{0}) : Errno::erestart;
    }
}

Result<std::size_t> poll_with(std::span<PollItem> items, std::span<Entry> entries, thread::Deadline deadline) {
    for (std::size_t i = 0; i < items.size(); ++i) {
        items[i].found = 0;
        if (items[i].fd < 0) continue;
        auto file = file_of(items[i].fd);
        if (file.ok()) {
            entries[i].file = std::move(file).value();
        } else {
            items[i].found = poll_bit::invalid;
        }
    }
    std::size_t count = ask_all(items, entries);
    if (count != 0) return count;
    // As in Linux, a signal is an answer even where there is no time to wait.
    if (deadline.has_passed()) return thread::signal_is_pending() ? Result<std::size_t>(Errno::erestart) : count;
    return wait_for_any(items, entries, deadline);
}

}  // namespace

Result<std::size_t> poll_files(std::span<PollItem> items, thread::Deadline deadline) {
    constexpr std::size_t few = 8;
    if (items.size() <= few) {
        Entry entries[few];
        return poll_with(items, std::span(entries).first(items.size()), deadline);
    }
    std::unique_ptr<Entry[]> entries(new (std::nothrow) Entry[items.size()]);
    if (!entries) return Errno::enomem;
    return poll_with(items, {entries.get(), items.size()}, deadline);
}

}  // namespace husk::fs
