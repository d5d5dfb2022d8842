// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/drivers/virtqueue.hpp"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <vector>

#include <doctest/doctest.h>

using namespace husk;
namespace virtio = abi::virtio;

namespace {

// The other side of a queue, written from the specification alone: takes what is available, finishes it in any order.
class FakeDevice {
public:
    FakeDevice(std::byte* memory, std::uint32_t size, bool has_event_index)
        : memory_(memory), size_(size), has_event_index_(has_event_index) {}

    // Heads that have become available.
    void look() {
        while (seen_ != available().index) in_flight.push_back(available_entries()[seen_++ % size_]);
        if (has_event_index_) available_event() = seen_;
    }
    // As at a busy moment: notifications only for what comes `later` entries from now.
    void want_notification_after(std::uint16_t later) { available_event() = static_cast<std::uint16_t>(seen_ + later); }
    void refuse_notifications() { used().flags = virtio::used_no_notify; }

    // True: the driver has asked to be interrupted for it.
    bool finish(std::size_t at, std::uint32_t written) {
        push_used(in_flight.at(at), written);
        in_flight.erase(in_flight.begin() + static_cast<std::ptrdiff_t>(at));
        return !has_event_index_ ||
               virtio::wants_event(used_event(), used().index, static_cast<std::uint16_t>(used().index - 1));
    }
    void push_used(std::uint32_t head, std::uint32_t written) {
        used_entries()[used().index % size_] = {head, written};
        ++used().index;
    }
    void set_used_index(std::uint16_t index) { used().index = index; }
    const virtio::Descriptor& descriptor(std::uint16_t index) const {
        return reinterpret_cast<const virtio::Descriptor*>(memory_)[index];
    }

    std::vector<std::uint16_t> in_flight;

private:
    template <class T>
    T& at(std::uint64_t offset) const {
        return *reinterpret_cast<T*>(memory_ + offset);
    }
    std::uint64_t available_offset() const { return 16ull * size_; }
    std::uint64_t used_offset() const { return (available_offset() + 6 + 2 * size_ + 63) / 64 * 64; }
    virtio::AvailableRing& available() const { return at<virtio::AvailableRing>(available_offset()); }
    std::uint16_t* available_entries() const { return &at<std::uint16_t>(available_offset() + 4); }
    std::uint16_t used_event() const { return available_entries()[size_]; }
    virtio::UsedRing& used() const { return at<virtio::UsedRing>(used_offset()); }
    virtio::UsedElement* used_entries() const { return &at<virtio::UsedElement>(used_offset() + 4); }
    std::uint16_t& available_event() const { return at<std::uint16_t>(used_offset() + 4 + 8 * size_); }

    std::byte* memory_;
    std::uint32_t size_;
    bool has_event_index_;
    std::uint16_t seen_ = 0;
};

struct Pair {
    explicit Pair(std::uint32_t size, bool has_event_index = true)
        : memory(static_cast<std::byte*>(std::calloc(1, virtio::queue_layout::bytes(size))), &std::free),
          device(memory.get(), size, has_event_index) {
        queue.initialise(memory.get(), size, has_event_index);
    }
    std::unique_ptr<std::byte, void (*)(void*)> memory;
    Virtqueue queue;
    FakeDevice device;
};

std::vector<Virtqueue::Buffer> chain_of(std::size_t count, std::uint64_t tag) {
    std::vector<Virtqueue::Buffer> buffers;
    for (std::size_t i = 0; i < count; ++i) buffers.push_back({{tag + i * 4096}, 4096, i != 0});
    return buffers;
}

}  // namespace

TEST_CASE("a chain's descriptors say where its buffers are, in order and direction") {
    Pair pair(8);
    auto head = pair.queue.add(chain_of(3, 0x10000));
    REQUIRE(head);
    CHECK(pair.device.in_flight.empty());
    CHECK(pair.queue.publish());
    pair.device.look();
    REQUIRE(pair.device.in_flight == std::vector<std::uint16_t>{*head});
    std::uint16_t at = *head;
    for (unsigned i = 0; i < 3; ++i) {
        const virtio::Descriptor& descriptor = pair.device.descriptor(at);
        CHECK(descriptor.address == 0x10000 + i * 4096);
        CHECK(descriptor.size_bytes == 4096);
        CHECK(((descriptor.flags & virtio::descriptor_flag::write) != 0) == (i != 0));
        CHECK(((descriptor.flags & virtio::descriptor_flag::next) != 0) == (i != 2));
        at = descriptor.next;
    }
}

TEST_CASE("a queue takes no more than it has descriptors, and again after some are used") {
    Pair pair(8);
    REQUIRE(pair.queue.add(chain_of(5, 0x10000)));
    CHECK_FALSE(pair.queue.add(chain_of(4, 0x20000)));
    REQUIRE(pair.queue.add(chain_of(3, 0x20000)));
    CHECK_FALSE(pair.queue.add_indirect({0x30000}, 4));
    (void)pair.queue.publish();
    pair.device.look();
    pair.device.finish(0, 0);
    CHECK_FALSE(pair.queue.add(chain_of(1, 0x40000)));
    REQUIRE(pair.queue.take_used());
    CHECK(pair.queue.add(chain_of(5, 0x40000)));
}

TEST_CASE("the device is notified only when it has asked for it") {
    Pair pair(8);
    pair.device.look();
    CHECK_FALSE(pair.queue.publish());
    (void)pair.queue.add_indirect({0x1000}, 2);
    CHECK(pair.queue.publish());
    CHECK_FALSE(pair.queue.publish());
    (void)pair.queue.add_indirect({0x2000}, 2);
    CHECK_FALSE(pair.queue.publish());  // it has not looked yet, and will find both
    pair.device.look();
    pair.device.want_notification_after(1);
    (void)pair.queue.add_indirect({0x3000}, 2);
    CHECK_FALSE(pair.queue.publish());
    (void)pair.queue.add_indirect({0x4000}, 2);
    CHECK(pair.queue.publish());

    Pair plain(8, false);
    (void)plain.queue.add_indirect({0x1000}, 2);
    CHECK(plain.queue.publish());
    plain.device.refuse_notifications();
    (void)plain.queue.add_indirect({0x2000}, 2);
    CHECK_FALSE(plain.queue.publish());
}

TEST_CASE("nothing that the device uses goes unseen between the last look and the wish for an interrupt") {
    Pair pair(8);
    for (int i = 0; i < 3; ++i) (void)pair.queue.add_indirect({0x1000}, 2);
    (void)pair.queue.publish();
    pair.device.look();
    CHECK_FALSE(pair.queue.want_interrupt());
    CHECK(pair.device.finish(0, 0));
    CHECK_FALSE(pair.device.finish(0, 0));  // one interrupt is on its way
    CHECK(pair.queue.want_interrupt() == true);
    REQUIRE(pair.queue.take_used());
    REQUIRE(pair.queue.take_used());
    CHECK_FALSE(pair.queue.take_used());
    CHECK_FALSE(pair.queue.want_interrupt());
    CHECK(pair.device.finish(0, 0));
}

TEST_CASE("a device that returns what it was not given breaks the queue, and nothing else") {
    // Two chains of two and three descriptors are in flight.
    const auto break_by = [](auto lie) {
        Pair pair(8);
        const auto first = pair.queue.add(chain_of(2, 0x10000)), second = pair.queue.add(chain_of(3, 0x20000));
        (void)pair.queue.publish();
        pair.device.look();
        lie(pair, *first, *second);
        while (pair.queue.take_used()) continue;
        CHECK(pair.queue.is_broken());
        CHECK_FALSE(pair.queue.want_interrupt());
        CHECK_FALSE(pair.queue.add(chain_of(1, 0x30000)));
        CHECK_FALSE(pair.queue.add_indirect({0x30000}, 2));
        pair.device.push_used(*first, 1);
        CHECK_FALSE(pair.queue.take_used());
    };
    for (std::uint32_t head : {7u, 8u, 0x10000u, 0x7fff'ffffu, UINT32_MAX})
        break_by([=](Pair& pair, auto, auto) { pair.device.push_used(head, 1); });
    // Within a chain, but not its head.
    break_by([](Pair& pair, std::uint16_t first, auto) { pair.device.push_used(first + 1u, 1); });
    // Twice.
    break_by([](Pair& pair, std::uint16_t first, auto) {
        pair.device.push_used(first, 33);
        pair.device.push_used(first, 34);
    });
    // More than are in flight, and an index from nowhere.
    break_by([](Pair& pair, std::uint16_t first, std::uint16_t second) {
        for (std::uint32_t head : {first, second, second}) pair.device.push_used(head, 1);
    });
    for (unsigned index : {3u, 9u, 0x8000u, 0xffffu})
        break_by([=](Pair& pair, auto, auto) { pair.device.set_used_index(static_cast<std::uint16_t>(index)); });
}

TEST_CASE("chains of all sizes, finished in any order, come back once each, far beyond the indices' wrap") {
    std::mt19937 random(3);
    for (bool has_event_index : {true, false}) {
        Pair pair(16, has_event_index);
        std::map<std::uint16_t, std::uint32_t> expected;  // written bytes by head
        std::uint32_t number = 0;
        bool is_notified = false;
        for (int step = 0; step < 200'000; ++step) {
            switch (random() % 4) {
                case 0: {
                    auto head = random() % 2 == 0 ? pair.queue.add(chain_of(1 + random() % 6, 0x1000))
                                                  : pair.queue.add_indirect({0x1000}, 3);
                    if (!head) break;
                    REQUIRE(expected.count(*head) == 0);
                    expected[*head] = 0;
                    break;
                }
                case 1:
                    is_notified = pair.queue.publish() || is_notified;
                    break;
                case 2:
                    // A device sleeps until it is notified, and then looks at everything.
                    if (is_notified) pair.device.look();
                    is_notified = false;
                    if (pair.device.in_flight.empty()) break;
                    {
                        std::size_t at = random() % pair.device.in_flight.size();
                        expected[pair.device.in_flight[at]] = ++number;
                        (void)pair.device.finish(at, number);
                    }
                    break;
                default:
                    while (auto used = pair.queue.take_used()) {
                        auto it = expected.find(used->head);
                        REQUIRE(it != expected.end());
                        REQUIRE(it->second == used->written_bytes);
                        expected.erase(it);
                    }
                    (void)pair.queue.want_interrupt();
            }
        }
        CHECK(number > 20'000);
        (void)pair.queue.publish();
        pair.device.look();
        while (!pair.device.in_flight.empty()) {
            expected[pair.device.in_flight.back()] = 1;
            (void)pair.device.finish(pair.device.in_flight.size() - 1, 1);
        }
        while (auto used = pair.queue.take_used()) REQUIRE(expected.erase(used->head) == 1);
        CHECK(expected.empty());
    }
}
