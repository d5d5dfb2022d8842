// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/net/files_in_flight.hpp"

#include <algorithm>
#include <atomic>

#include "guest-runtime/base/spinlock.hpp"
#include "guest-runtime/net/unix_socket.hpp"

namespace husk::net {

namespace {

constexpr std::uint32_t least_to_look = 256;

// Guards all of this file. An endpoint's own lock may be held outside of it.
constinit Spinlock lock;
constinit List<SocketVertex, InFlightTag> sockets;  // in flight
constinit std::atomic<std::uint32_t> count = 0;     // of them
constinit std::atomic<std::uint32_t> look_from = least_to_look;
constinit bool is_collecting = false;

SocketVertex* vertex_of(const RefPtr<fs::File>& file) {
    if (file->kind() != fs::FileKind::socket) return nullptr;
    auto& socket = static_cast<Socket&>(*file);
    return socket.family() == Family::local ? &static_cast<UnixSocket&>(socket).vertex() : nullptr;
}

template <class Visit>
void for_each_socket(const PassedFiles& files, Visit visit) {
    for (std::size_t i = 0; i < files.count(); ++i) {
        if (SocketVertex* vertex = vertex_of(files[i]); vertex != nullptr) visit(*vertex);
    }
}

}  // namespace

void Parcel::enter(UnixEndpoint& inbox) {
    if (files.count() == 0) return;
    Guard guard(lock);
    inbox_ = &inbox;
    if (SocketVertex* owner = inbox.owner(); owner != nullptr) owner->parcels_.push_back(*this);
    for_each_socket(files, [](SocketVertex& vertex) {
        if (vertex.in_flight_++ != 0) return;
        sockets.push_back(vertex);
        count.fetch_add(1, std::memory_order_relaxed);
    });
}

// With the lock held.
void Parcel::count_out() {
    if (inbox_ == nullptr) return;
    inbox_ = nullptr;
    unlink();
    for_each_socket(files, [](SocketVertex& vertex) {
        if (--vertex.in_flight_ != 0) return;
        vertex.unlink();
        count.fetch_sub(1, std::memory_order_relaxed);
    });
}

PassedFiles Parcel::leave() {
    Guard guard(lock);
    count_out();
    return std::move(files);
}

// Under the lock, so that nothing becomes reachable while a collection goes on.
Result<PassedFiles> Parcel::duplicate() const {
    PassedFiles copy;
    if (files.count() == 0) return copy;
    HUSK_TRY(copy.reserve(files.count()));
    Guard guard(lock);
    for (std::size_t i = 0; i < files.count(); ++i) copy.add(files[i]);
    return copy;
}

void SocketVertex::own(UnixEndpoint& endpoint) {
    RefPtr<UnixEndpoint> listener;
    Guard guard(lock);
    SocketVertex* before = endpoint.owner();
    listener = endpoint.set_owner(this);
    if (before == nullptr || before == this) return;
    for (Parcel& parcel : before->parcels_) {
        if (parcel.inbox_ != &endpoint) continue;
        parcel.unlink();
        parcels_.push_back(parcel);
    }
}

void SocketVertex::disown(UnixEndpoint& endpoint) {
    Guard guard(lock);
    endpoint.set_owner(nullptr);
    while (parcels_.pop_front() != nullptr) {
    }
}

void collect_unreachable() {
    List<Parcel> unreachable;
    {
        Guard guard(lock);
        if (is_collecting || sockets.empty()) return;
        is_collecting = true;
        // What refers to a socket from elsewhere than inboxes of sockets in flight leads to it.
        for (SocketVertex& vertex : sockets) vertex.from_these_ = 0;
        for (SocketVertex& vertex : sockets) {
            for (Parcel& parcel : vertex.parcels_)
                for_each_socket(parcel.files, [](SocketVertex& held) { ++held.from_these_; });
        }
        SocketVertex* reached = nullptr;
        auto reach = [&reached](SocketVertex& vertex) {
            vertex.is_reachable_ = true;
            vertex.next_reached_ = reached;
            reached = &vertex;
        };
        for (SocketVertex& vertex : sockets) {
            vertex.is_reachable_ = false;
            if (vertex.file_.owners() != vertex.in_flight_ || vertex.from_these_ != vertex.in_flight_) reach(vertex);
        }
        while (reached != nullptr) {
            SocketVertex& vertex = *std::exchange(reached, reached->next_reached_);
            for (Parcel& parcel : vertex.parcels_) {
                for_each_socket(parcel.files, [&reach](SocketVertex& held) {
                    if (!held.is_reachable_) reach(held);
                });
            }
        }
        for (SocketVertex& vertex : sockets) {
            while (!vertex.is_reachable_ && !vertex.parcels_.empty())
                unreachable.push_back(*vertex.parcels_.pop_front());
        }
    }
    // A message that ends meanwhile, with its socket, leaves the list by itself.
    for (;;) {
        PassedFiles ended;
        Guard guard(lock);
        Parcel* parcel = unreachable.front();
        if (parcel == nullptr) break;
        parcel->count_out();
        ended = std::move(parcel->files);
    }
    Guard guard(lock);
    is_collecting = false;
    look_from = std::max(least_to_look, 2 * count.load(std::memory_order_relaxed));
}

void collect_when_many() {
    if (count.load(std::memory_order_relaxed) >= look_from.load(std::memory_order_relaxed)) collect_unreachable();
}

}  // namespace husk::net
