// SPDX-License-Identifier: Apache-2.0
// A virtio device that lies to its driver: it knows what a queue is, and says about it what the fuzzer's input says.
// Used elements of chains that were not given, lengths of any value, registers and configuration that change.
#pragma once

#include <array>
#include <cstdint>
#include <deque>

#include <husk/abi/device_record.hpp>
#include <husk/abi/virtio/mmio.hpp>
#include <husk/abi/virtio/ring.hpp>

#include "tests/fuzz/fuzz_input.hpp"

namespace husk::fuzz {

// What one kind of device has of its own.
struct DeviceKind {
    abi::virtio::DeviceId id;
    std::uint64_t driver_features;
    // A field of the configuration; the driver has asked at the width that it has.
    virtual std::uint32_t read_config(Input& input, std::uint64_t offset, unsigned width) = 0;
    // What it writes into a buffer; returns nothing that counts.
    virtual void scribble(Input& input, const abi::virtio::Descriptor& to) = 0;

protected:
    DeviceKind(abi::virtio::DeviceId id_is, std::uint64_t features) : id(id_is), driver_features(features) {}
    ~DeviceKind() = default;
};

class HostileDevice final {
public:
    HostileDevice(Input& input, DeviceKind& kind);
    [[nodiscard]] abi::DeviceRecord record() const;

    std::uint32_t read(std::uint64_t offset, unsigned width);
    void write(std::uint64_t offset, std::uint32_t value);
    // Something happens in one of the queues.
    void step();
    // About what it has used, by luck of a chain that the driver has then taken back.
    [[nodiscard]] bool has_lied() const;

private:
    static constexpr std::size_t queue_count = 17;
    struct Queue {
        std::uint32_t size = 0;
        std::uint64_t descriptors = 0, available = 0, used = 0;
        std::uint16_t seen = 0, used_index = 0;
        std::deque<std::uint16_t> taken;
        bool has_lied = false;
    };

    Queue& queue();
    static void take_available(Queue& queue);
    static void store_index(Queue& queue, std::uint16_t index);
    static void use(Queue& queue, std::uint32_t head, std::uint32_t written);
    std::uint32_t fill(const Queue& queue, std::uint16_t head);
    void walk(std::uint64_t table, std::uint32_t size, std::uint16_t first);

    Input& input_;
    DeviceKind& kind_;
    bool chooses_freely_;
    std::uint16_t size_max_;
    std::uint64_t features_;
    std::uint32_t status_ = 0, feature_half_ = 0, selected_ = 0, generation_ = 0;
    bool ever_lied_ = false;
    std::array<Queue, queue_count + 1> queues_{};  // the last for what is written to none
};

}  // namespace husk::fuzz
