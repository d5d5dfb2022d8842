// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/net/datagram_queue.hpp"

#include <lwip/pbuf.h>

namespace husk::net {

namespace {

std::size_t cost_of(const Datagram& datagram) { return datagram.packet->tot_len + sizeof(Datagram) + sizeof(pbuf); }

}  // namespace

Datagram::~Datagram() { pbuf_free(packet); }

DatagramQueue::~DatagramQueue() {
    while (take()) {
    }
}

bool DatagramQueue::append(std::unique_ptr<Datagram> datagram, std::size_t limit_bytes) {
    std::size_t cost = cost_of(*datagram);
    if (bytes_.load(std::memory_order_relaxed) + cost > limit_bytes) return false;
    Guard guard(lock_);
    bytes_.fetch_add(cost, std::memory_order_release);
    datagrams_.push_back(*datagram.release());
    arrivals_.fetch_add(1, std::memory_order_release);
    return true;
}

std::unique_ptr<Datagram> DatagramQueue::take() {
    Guard guard(lock_);
    std::unique_ptr<Datagram> first(datagrams_.pop_front());
    if (first) bytes_.fetch_sub(cost_of(*first), std::memory_order_release);
    return first;
}

Datagram* DatagramQueue::first() {
    Guard guard(lock_);
    return datagrams_.front();
}

Datagram* DatagramQueue::behind(Datagram& other) {
    Guard guard(lock_);
    return datagrams_.behind(other);
}

int DatagramQueue::first_error() {
    Guard guard(lock_);
    Datagram* first = datagrams_.front();
    return first == nullptr || !first->error ? 0 : static_cast<int>(first->error->error);
}

std::size_t DatagramQueue::first_bytes() {
    Guard guard(lock_);
    Datagram* first = datagrams_.front();
    return first == nullptr ? 0 : first->packet->tot_len;
}

}  // namespace husk::net
