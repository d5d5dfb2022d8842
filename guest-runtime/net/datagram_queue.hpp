// SPDX-License-Identifier: Apache-2.0
// Datagrams from the network until the application reads them.
#pragma once

#include <atomic>
#include <memory>

#include "guest-runtime/base/intrusive_list.hpp"
#include "guest-runtime/base/spinlock.hpp"
#include "guest-runtime/net/icmp_error.hpp"
#include "guest-runtime/thread/mutex.hpp"

struct pbuf;

namespace husk::net {

struct Datagram final : ListNode<> {
    explicit Datagram(pbuf* contents) : packet(contents) {}
    ~Datagram();
    Datagram(const Datagram&) = delete;
    Datagram& operator=(const Datagram&) = delete;

    pbuf* packet;  // owned
    InetEndpoint from{};
    ip_addr_t destination{};
    std::uint32_t interface = 0;
    std::uint8_t hop_limit = 0;
    std::uint8_t traffic_class = 0;
    std::int64_t arrived_ns = 0;       // since 1970
    bool was_seen = false;             // by MSG_PEEK
    std::unique_ptr<IcmpError> error;  // set: `packet` is what was sent and did not arrive
};

class DatagramQueue {
public:
    ~DatagramQueue();
    // Drops it when there is no room for it, as UDP may.
    bool append(std::unique_ptr<Datagram> datagram, std::size_t limit_bytes);
    // Held by whoever takes one or looks at one: what is looked at stays.
    thread::Mutex& reader() { return reader_; }
    std::unique_ptr<Datagram> take();
    // The first one, and the one behind another; nullptr: there is none.
    Datagram* first();
    Datagram* behind(Datagram& other);
    [[nodiscard]] bool is_empty() const { return bytes_.load(std::memory_order_acquire) == 0; }
    // How many have ever come.
    [[nodiscard]] std::uint64_t arrivals() const { return arrivals_.load(std::memory_order_acquire); }
    // The error of the first one; 0 without one.
    int first_error();
    // Bytes of the first one; 0 without one.
    std::size_t first_bytes();

private:
    thread::Mutex reader_;
    Spinlock lock_;
    List<Datagram> datagrams_;
    std::atomic<std::size_t> bytes_ = 0;
    std::atomic<std::uint64_t> arrivals_ = 0;
};

}  // namespace husk::net
