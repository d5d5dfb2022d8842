// SPDX-License-Identifier: Apache-2.0
// Where a driver of the guest's runs in these tests: RAM and one device of the launcher's, two vCPUs.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include <husk/abi/device_record.hpp>

#include "launcher/virtio/mmio_transport.hpp"
#include "tests/support/virtio_driver.hpp"

namespace husk::test {

// Remembers what the device tells the host.
struct PairHost final : virtio::TransportHost {
    void on_device_news(std::uint32_t home) override { homes |= 1u << home; }
    void on_device_note(const std::string&) override {}
    void on_device_fault(const std::string& sentence) override { fault = sentence; }
    void on_device_breakdown(const std::string& sentence) override { fault = sentence; }
    std::atomic<std::uint32_t> homes = 0;
    std::string fault;
};

// One at a time. A panic of the guest's is a std::logic_error here.
class Surroundings {
public:
    Surroundings();
    ~Surroundings();
    Surroundings(const Surroundings&) = delete;
    Surroundings& operator=(const Surroundings&) = delete;

    // What the guest is told of the device; handed over: running, with those features that both know.
    abi::DeviceRecord attach(std::string name, std::unique_ptr<virtio::Device> device, bool handed_over,
                             std::uint64_t driver_features);

    void* allocate(std::size_t size_bytes);
    void release(void* block, std::size_t size_bytes);

    bool is_out_of_memory = false;  // nothing can be allocated then
    memory::GuestMemory memory = make_guest_memory();
    PairHost host;
    std::unique_ptr<virtio::MmioTransport> transport;

private:
    std::uint64_t next_gpa_;
    std::multimap<std::size_t, void*> released_;
    alignas(4096) std::array<std::byte, 4096> page_{};
};

}  // namespace husk::test
