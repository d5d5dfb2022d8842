// SPDX-License-Identifier: Apache-2.0
#include "launcher/virtio/queue.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <utility>

#include <husk/abi/virtio/mmio.hpp>

#include "tests/support/virtio_driver.hpp"

using namespace husk;
using abi::virtio::Descriptor;
using test::VirtioDriver;
namespace flag = abi::virtio::descriptor_flag;
namespace feature = abi::virtio::feature;

namespace {

constexpr std::uint64_t both_features = feature::event_idx | feature::indirect_desc;
constexpr std::uint64_t data = VirtioDriver::data_at;

struct Pair {
    memory::GuestMemory memory = test::make_guest_memory();
    VirtioDriver driver{memory};
    virtio::Queue queue;

    explicit Pair(std::uint64_t features = both_features)
        : queue(virtio::Queue::try_create(memory, driver.layout(), features).value()) {}

    // Descriptors 0 to 2: one to read, two to write.
    void make_three() {
        driver.set_descriptor(0, {data, 16, flag::next, 1});
        driver.set_descriptor(1, {data + 0x1000, 512, flag::next | flag::write, 2});
        driver.set_descriptor(2, {data + 0x2000, 1, flag::write, 0});
    }
    std::string fault_of(std::uint16_t head) {
        driver.make_available(head);
        CHECK_FALSE(queue.try_take().has_value());
        return queue.fault().value_or("none");
    }
};

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("a chain arrives with its segments in order and is used once") {
    Pair pair;
    CHECK_FALSE(pair.queue.try_take().has_value());
    pair.make_three();
    pair.driver.make_available(0);
    auto chain = pair.queue.try_take();
    REQUIRE(chain.has_value());
    CHECK(chain->readable().size_bytes() == 16);
    CHECK(chain->writable().size_bytes() == 513);
    CHECK(chain->writable().pieces().size() == 2);
    CHECK(pair.queue.in_flight() == 1);
    CHECK_FALSE(pair.driver.take_used().has_value());
    pair.queue.complete(std::move(*chain), 513);
    const auto used = pair.driver.take_used();
    REQUIRE(used.has_value());
    CHECK(used->head == 0);
    CHECK(used->written_bytes == 513);
    CHECK(pair.queue.in_flight() == 0);
}

TEST_CASE("an indirect chain arrives as if it were direct") {
    Pair pair;
    pair.driver.set_descriptor(3, {VirtioDriver::tables_at, 32, flag::indirect | flag::write, 0});
    pair.driver.set_indirect(0, {data, 16, flag::next, 1});
    pair.driver.set_indirect(1, {data + 512, 32, flag::write, 0});
    pair.driver.make_available(3);
    auto chain = pair.queue.try_take();
    REQUIRE(chain.has_value());
    CHECK(chain->readable().size_bytes() == 16);
    CHECK(chain->writable().size_bytes() == 32);
    pair.queue.complete(std::move(*chain), 0);
}

TEST_CASE("indices wrap around") {
    Pair pair;
    pair.make_three();
    for (int i = 0; i < 70'000; ++i) {
        pair.driver.make_available(0);
        auto chain = pair.queue.try_take();
        REQUIRE(chain.has_value());
        pair.queue.complete(std::move(*chain), 1);
        REQUIRE(pair.driver.take_used().has_value());
    }
}

TEST_CASE("a chain that breaks a rule is refused by name") {
    struct Case {
        std::string_view part;
        std::function<void(VirtioDriver&)> spoil;
        std::uint16_t head = 0;
    };
    const Case cases[] = {
        {"loop",
         [](VirtioDriver& d) {
             d.set_descriptor(2, {data, 1, flag::write | flag::next, 1});
         }},
        {"descriptor 8 does not exist",
         [](VirtioDriver& d) {
             d.set_descriptor(0, {data, 1, flag::next, 8});
         }},
        {"names descriptor 8", [](VirtioDriver&) {}, 8},
        {"0 bytes",
         [](VirtioDriver& d) {
             d.set_descriptor(1, {data, 0, flag::write, 0});
         }},
        {"no memory",
         [](VirtioDriver& d) {
             d.set_descriptor(1, {0xffff'ffff'ffff'f000, 4096, flag::write, 0});
         }},
        {"no memory",
         [](VirtioDriver& d) {
             d.set_descriptor(1, {8 << 20, 1, flag::write, 0});
         }},
        {"no memory",
         [](VirtioDriver& d) {
             d.set_descriptor(1, {data, UINT32_MAX, flag::write, 0});
         }},
        {"behind a writable",
         [](VirtioDriver& d) {
             d.set_descriptor(2, {data, 1, 0, 0});
         }},
        {"goes on",
         [](VirtioDriver& d) {
             d.set_descriptor(0, {data, 16, flag::indirect | flag::next, 1});
         }},
        {"table of 0 bytes",
         [](VirtioDriver& d) {
             d.set_descriptor(0, {data, 0, flag::indirect, 0});
         }},
        {"table of 17 bytes",
         [](VirtioDriver& d) {
             d.set_descriptor(0, {data, 17, flag::indirect, 0});
         }},
        {"table of 144 bytes",
         [](VirtioDriver& d) {
             d.set_descriptor(0, {data, 9 * 16, flag::indirect, 0});
         }},
        {"table at 0x10000000",
         [](VirtioDriver& d) {
             d.set_descriptor(0, {1 << 28, 16, flag::indirect, 0});
         }},
        {"in an indirect table",
         [](VirtioDriver& d) {
             d.set_descriptor(0, {VirtioDriver::tables_at, 16, flag::indirect, 0});
             d.set_indirect(0, {VirtioDriver::tables_at, 16, flag::indirect, 0});
         }},
        {"descriptor 2 of an indirect table",
         [](VirtioDriver& d) {
             d.set_descriptor(0, {VirtioDriver::tables_at, 32, flag::indirect, 0});
             d.set_indirect(0, {data, 16, flag::next, 2});
         }},
        {"table that is a loop",
         [](VirtioDriver& d) {
             d.set_descriptor(0, {VirtioDriver::tables_at, 32, flag::indirect, 0});
             d.set_indirect(0, {data, 16, flag::next, 0});
         }},
    };
    for (const Case& wrong : cases) {
        Pair pair;
        pair.make_three();
        wrong.spoil(pair.driver);
        const std::string fault = pair.fault_of(wrong.head);
        CAPTURE(fault);
        CAPTURE(wrong.part);
        CHECK(contains(fault, wrong.part));
        CHECK_FALSE(pair.queue.try_take().has_value());  // and nothing afterwards
    }
}

TEST_CASE("an indirect descriptor needs to be negotiated") {
    Pair pair(0);
    pair.driver.set_descriptor(0, {VirtioDriver::tables_at, 16, flag::indirect, 0});
    CHECK(contains(pair.fault_of(0), "not negotiated"));
}

TEST_CASE("an available index that jumps is refused") {
    Pair pair;
    pair.driver.set_available_index(9);
    CHECK_FALSE(pair.queue.try_take().has_value());
    CHECK(contains(pair.queue.fault().value_or(""), "jumps from 0 to 9"));
}

TEST_CASE("a chain that the device still has cannot be made available again") {
    Pair pair;
    pair.make_three();
    pair.driver.make_available(0);
    auto chain = pair.queue.try_take();
    REQUIRE(chain.has_value());
    CHECK(contains(pair.fault_of(0), "still has"));
    chain->abandon();
}

TEST_CASE("a queue that is not laid out in memory does not exist") {
    const memory::GuestMemory memory = test::make_guest_memory();
    const virtio::QueueLayout good = VirtioDriver(memory).layout();
    CHECK(virtio::Queue::try_create(memory, good, 0).has_value());
    virtio::QueueLayout bad = good;
    for (const std::uint32_t size : {0u, 3u, 65536u}) {
        bad = good;
        bad.size = size;
        CHECK_FALSE(virtio::Queue::try_create(memory, bad, 0).has_value());
    }
    bad = good;
    bad.descriptors.value += 8;
    CHECK_FALSE(virtio::Queue::try_create(memory, bad, 0).has_value());
    bad = good;
    bad.used.value += 2;
    CHECK_FALSE(virtio::Queue::try_create(memory, bad, 0).has_value());
    bad = good;
    bad.available = {(8 << 20) - 8};
    CHECK_FALSE(virtio::Queue::try_create(memory, bad, 0).has_value());
}

TEST_CASE("the driver hears of what it asked for") {
    Pair pair;
    pair.make_three();
    pair.driver.set_used_event(1);  // when the second chain is used
    for (const bool wanted : {false, true, false}) {
        pair.driver.make_available(0);
        pair.queue.complete(std::move(pair.queue.try_take().value()), 1);
        CHECK(pair.queue.take_interrupt_wish() == wanted);
    }
    CHECK_FALSE(pair.queue.take_interrupt_wish());
}

TEST_CASE("a device that arms its queue hears of the next chain, or has it already") {
    Pair pair;
    pair.make_three();
    CHECK(pair.queue.arm());
    CHECK(pair.driver.available_event() == 0);
    pair.driver.make_available(0);
    CHECK_FALSE(pair.queue.arm());
    pair.queue.complete(std::move(pair.queue.try_take().value()), 1);
    CHECK(pair.queue.arm());
    CHECK(pair.driver.available_event() == 1);
}
