// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/epoll.hpp"

#include <algorithm>
#include <cstring>

#include "guest-runtime/fs/anonymous_inode.hpp"
#include "guest-runtime/fs/make_ref_as.hpp"

namespace husk::fs {

namespace {

// Guards which watches exist in any epoll instance, and every file's list of its watches. Taken before Epoll::mutex_.
constinit thread::Mutex structure;

constexpr unsigned max_nesting = 5;

using ReadyNode = ListNode<EpollReadyTag>;

}  // namespace

bool EpollWatch::on_wake() { return owner_.note_event(*this); }

Epoll::~Epoll() {
    Guard guard(structure);
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
        while (buckets_[i] != nullptr) end(&buckets_[i]);
    }
}

std::size_t Epoll::bucket_of(const File& file, int fd) const {
    // SAFETY: the address is only hashed.
    auto address = reinterpret_cast<std::uintptr_t>(&file);
    return ((address >> 4) * 31 + static_cast<unsigned>(fd)) & (buckets_.size() - 1);
}

EpollWatch** Epoll::find(File& file, int fd) {
    if (buckets_.size() == 0) return nullptr;
    EpollWatch** place = &buckets_[bucket_of(file, fd)];
    for (; *place != nullptr; place = &(*place)->next_in_bucket_) {
        if (&(*place)->file_ == &file && (*place)->fd_ == fd) return place;
    }
    return nullptr;
}

Result<> Epoll::grow() {
    if (count_ < buckets_.size()) return {};
    auto larger = HUSK_TRY(HeapArray<EpollWatch*>::create(std::max<std::size_t>(16, buckets_.size() * 2)));
    std::fill(larger.span().begin(), larger.span().end(), nullptr);
    std::swap(larger, buckets_);
    for (EpollWatch* watch : larger.span()) {
        while (watch != nullptr) {
            EpollWatch* next = watch->next_in_bucket_;
            EpollWatch*& bucket = buckets_[bucket_of(watch->file_, watch->fd_)];
            watch->next_in_bucket_ = bucket;
            bucket = watch;
            watch = next;
        }
    }
    return {};
}

// Whether `target` is this instance or one that it watches, directly or not.
bool Epoll::reaches(const Epoll& target, unsigned depth) {
    if (this == &target || depth > max_nesting) return true;
    for (EpollWatch* watch : buckets_.span()) {
        for (; watch != nullptr; watch = watch->next_in_bucket_) {
            if (watch->file_.kind() != FileKind::epoll) continue;
            if (static_cast<Epoll&>(watch->file_).reaches(target, depth + 1)) return true;
        }
    }
    return false;
}

// Something happened to the watch's file. Whether a thread comes for it.
bool Epoll::note_event(EpollWatch& watch) {
    bool has_sleepers, has_watchers;
    {
        Guard guard(ready_lock_);
        bool is_new = !static_cast<ReadyNode&>(watch).is_linked();
        if (is_new) ready_.push_back(watch);
        // One that stood there already has woken whoever sleeps. An edge-triggered watch of this instance hears of
        // every event: add() has marked this file before it looks here.
        has_sleepers = is_new && sleeping_ != 0;
        has_watchers = is_new || was_watched_.load(std::memory_order_relaxed);
    }
    bool comes = has_sleepers && sleepers_.wake_one();
    if (has_watchers) watchers_.wake_one();
    return comes;
}

// A watch that is new or changed: what already holds counts as having just happened.
void Epoll::list_if_ready(EpollWatch& watch) {
    std::uint32_t wanted = watch.events_ & ~epoll_bit::modes;
    if ((watch.file_.poll(wanted) & wanted) != 0) watch.on_wake();
}

Result<> Epoll::add(File& file, int fd, const EpollEvent& wanted) {
    if (file.wait_queue() == nullptr) return Errno::eperm;
    Guard structure_guard(structure);
    file.was_watched_.store(true, std::memory_order_seq_cst);
    if (file.handles_.load(std::memory_order_seq_cst) == 0) return Errno::ebadf;  // closed meanwhile
    if (file.kind() == FileKind::epoll && static_cast<Epoll&>(file).reaches(*this, 1)) return Errno::eloop;
    Guard guard(mutex_);
    if (find(file, fd) != nullptr) return Errno::eexist;
    HUSK_TRY(grow());
    auto* watch = new (std::nothrow) EpollWatch(*this, file, fd, wanted);
    if (watch == nullptr) return Errno::enomem;
    EpollWatch*& bucket = buckets_[bucket_of(file, fd)];
    watch->next_in_bucket_ = bucket;
    bucket = watch;
    ++count_;
    file.watches_.push_back(*watch);
    file.wait_queue()->add(*watch);
    list_if_ready(*watch);
    return {};
}

Result<> Epoll::modify(File& file, int fd, const EpollEvent& wanted) {
    Guard guard(mutex_);
    EpollWatch** place = find(file, fd);
    if (place == nullptr) return Errno::enoent;
    EpollWatch& watch = **place;
    if ((watch.events_ & epoll_bit::exclusive) != 0) return Errno::einval;
    watch.events_ = wanted.events | EpollWatch::always_reported;
    watch.data_ = wanted.data;
    list_if_ready(watch);
    return {};
}

// With `structure` held; `place` is the pointer to the watch in its bucket.
void Epoll::end(EpollWatch** place) {
    EpollWatch* watch = *place;
    *place = watch->next_in_bucket_;
    --count_;
    watch->file_.wait_queue()->remove(*watch);  // from here on on_wake() does not run
    static_cast<ListNode<FileWatchTag>*>(watch)->unlink();
    {
        Guard guard(ready_lock_);
        static_cast<ReadyNode*>(watch)->unlink();
    }
    delete watch;
}

Result<> Epoll::remove(File& file, int fd) {
    Guard structure_guard(structure);
    Guard guard(mutex_);
    EpollWatch** place = find(file, fd);
    if (place == nullptr) return Errno::enoent;
    end(place);
    return {};
}

void Epoll::forget(File& file) {
    if (!file.was_watched_.load(std::memory_order_seq_cst)) return;
    Guard structure_guard(structure);
    while (EpollWatch* watch = file.watches_.front()) {
        Epoll& owner = watch->owner_;
        Guard guard(owner.mutex_);
        owner.end(owner.find(file, watch->fd_));
    }
}

Result<std::size_t> Epoll::collect(UserPtr<EpollEvent> to, std::size_t room) {
    Guard guard(mutex_);
    List<EpollWatch, EpollReadyTag> again;  // reported, and for the next call
    std::size_t count = 0;
    bool has_fault = false;
    ++collections_;
    while (count < room && !has_fault) {
        EpollWatch* watch;
        {
            Guard ready_guard(ready_lock_);
            watch = ready_.pop_front();
            // As in Linux a call tells of it once: who takes it for gone after that must not meet it again.
            if (watch != nullptr && watch->told_in_ == collections_) {
                again.push_back(*watch);
                continue;
            }
        }
        if (watch == nullptr) break;
        std::uint32_t interest = watch->events_ & ~epoll_bit::modes;
        if (interest == 0) continue;  // a one-shot watch at rest
        std::uint32_t bits = watch->file_.poll(interest) & interest;
        if (bits == 0) continue;
        has_fault = !to.offset(count).store({bits, watch->data_}).ok();
        if (has_fault) {
            Guard ready_guard(ready_lock_);
            if (!static_cast<ReadyNode*>(watch)->is_linked()) ready_.push_front(*watch);
            continue;
        }
        ++count;
        watch->told_in_ = collections_;
        if ((watch->events_ & epoll_bit::one_shot) != 0) {
            watch->events_ &= epoll_bit::modes;
        } else if ((watch->events_ & epoll_bit::edge) == 0) {
            // A wake-up meanwhile has listed it already.
            Guard ready_guard(ready_lock_);
            if (!static_cast<ReadyNode*>(watch)->is_linked()) again.push_back(*watch);
        }
    }
    bool is_for_others;
    {
        Guard ready_guard(ready_lock_);
        while (EpollWatch* watch = again.pop_front()) ready_.push_back(*watch);
        is_for_others = !ready_.empty() && sleeping_ != 0;
    }
    guard.unlock();
    // A listed watch wakes nobody again, and its event may come when this thread is busy.
    if (is_for_others) sleepers_.wake_one();
    return has_fault && count == 0 ? Result<std::size_t>(Errno::efault) : count;
}

void Epoll::count_sleepers(int change) {
    Guard guard(ready_lock_);
    sleeping_ += change;
}

Result<std::size_t> Epoll::wait(UserPtr<EpollEvent> to, std::size_t room, thread::Deadline deadline) {
    for (;;) {
        std::size_t count = HUSK_TRY(collect(to, room));
        if (count != 0 || deadline.has_passed()) return count;
        count_sleepers(1);
        auto waited = thread::wait_until(sleepers_, deadline, [this] {
            Guard guard(ready_lock_);
            return !ready_.empty();
        });
        count_sleepers(-1);
        if (waited.ok()) continue;
        if (waited.error() == Errno::etimedout) return 0;
        return Errno::eintr;  // never restarted
    }
}

unsigned Epoll::poll(unsigned wanted) {
    if ((wanted & poll_bit::readable) == 0) return 0;
    Guard guard(mutex_);
    // Drops what has come and gone, up to the first that holds.
    for (;;) {
        EpollWatch* watch;
        {
            Guard ready_guard(ready_lock_);
            watch = ready_.pop_front();
        }
        if (watch == nullptr) return 0;
        std::uint32_t interest = watch->events_ & ~epoll_bit::modes;
        if (interest == 0) continue;
        if ((watch->file_.poll(interest) & interest) == 0) continue;
        Guard ready_guard(ready_lock_);
        if (!static_cast<ReadyNode*>(watch)->is_linked()) ready_.push_front(*watch);
        break;
    }
    guard.unlock();
    sleepers_.wake_one();  // one may have looked while it was not listed
    return poll_bit::readable;
}

Result<RefPtr<File>> make_epoll() {
    RefPtr<Inode> inode = HUSK_TRY(make_anonymous_inode("[eventpoll]"));
    return make_ref_as<File, Epoll>(std::move(inode));
}

}  // namespace husk::fs
