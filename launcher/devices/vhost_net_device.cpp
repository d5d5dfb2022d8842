// SPDX-License-Identifier: Apache-2.0
#include "launcher/devices/vhost_net_device.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "launcher/config/text.hpp"

namespace husk::devices {

namespace {

bool try_take(const host::EventFd& event) {
    std::uint64_t count = 0;
    return ::read(event.get(), &count, sizeof count) == sizeof count;
}

std::vector<backend::VhostRegion> table_of(const memory::GuestMemory& memory) {
    std::vector<backend::VhostRegion> table;
    for (const memory::Region& region : memory.regions()) table.push_back({region.begin.value, region.bytes});
    return table;
}

}  // namespace

VhostNetDevice::VhostNetDevice(const NetFacts& facts, std::vector<backend::VhostNet> pairs, backend::Tap tap,
                               const memory::GuestMemory& memory, event::SpinFacts& spin_facts)
    : facts_(facts), config_(net_config(facts)), memory_(memory), tap_(std::move(tap)), thread_(*this, spin_facts) {
    for (backend::VhostNet& vhost : pairs) {
        pairs_.push_back(std::make_unique<Pair>(std::move(vhost)));
        for (const host::EventFd& call : pairs_.back()->calls) thread_.add_wake_fd(call.get());
    }
}

VhostNetDevice::~VhostNetDevice() { stop(); }

std::span<const std::byte> VhostNetDevice::config() const { return std::as_bytes(std::span(&config_, 1)); }

void VhostNetDevice::notify(std::uint32_t queue) {
    if (queue == control_index_ || queue / 2 >= pairs_.size()) {
        thread_.wake();
    } else {
        pairs_[queue / 2]->kicks[queue % 2].signal();
    }
}

int VhostNetDevice::notify_fd(std::uint32_t queue) const {
    // KVM is told once, and then drivers come and go: the number decides, and not what the queue is to this driver.
    return queue / 2 < pairs_.size() ? pairs_[queue / 2]->kicks[queue % 2].get() : thread_.wake_fd();
}

void VhostNetDevice::start(std::uint64_t features, std::vector<NumberedQueue> enabled, virtio::DriverLink& driver) {
    const bool has_several = (features & abi::virtio::net_feature::multi_queue) != 0;
    const std::uint32_t pairs = has_several ? facts_.queue_pairs : 1;
    control_index_ = 2 * pairs;
    // Without several pairs the control queue has the number of the second one's first queue, and its descriptor.
    if (pairs < pairs_.size() && !std::exchange(hears_second_pair_, true))
        thread_.add_wake_fd(pairs_[pairs]->kicks[0].get(), event::ServiceThread::Trigger::edge);
    tap_.use_queues(1);
    tap_.accept_offloads(guest_offloads(features));
    std::vector<std::array<const virtio::Queue*, 2>> queues(pairs);
    for (const NumberedQueue& numbered : enabled) {
        if (numbered.index < 2 * pairs) queues[numbered.index / 2][numbered.index % 2] = &numbered.queue;
    }
    thread_.call([&] {
        driver_ = &driver;
        has_failed_ = false;
        for (NumberedQueue& numbered : enabled) {
            if (numbered.index != control_index_) continue;
            control_.emplace(std::move(numbered), pairs, [this](std::uint32_t wanted) { tap_.use_queues(wanted); });
        }
    });
    for (std::uint32_t i = 0; i < pairs; ++i) {
        if (start_pair(i, features, queues[i])) continue;
        driver.break_down(config::fill_in("vhost-net does not take the queues: {}", std::strerror(errno)));
        return;
    }
    thread_.wake();
}

// A driver may use fewer pairs than there are: no frame passes by the others.
bool VhostNetDevice::start_pair(std::uint32_t number, std::uint64_t features,
                                const std::array<const virtio::Queue*, 2>& queues) {
    if (queues[0] == nullptr || queues[1] == nullptr) return true;
    Pair& pair = *pairs_[number];
    std::array<backend::VhostQueue, 2> kernel_queues;
    for (std::size_t i = 0; i < queues.size(); ++i) {
        const virtio::QueueLayout& layout = queues[i]->layout();
        const auto host_address = [&](abi::GuestPhys at) { return memory_.try_span(at, 1).data(); };
        kernel_queues[i] = {layout.size,
                            host_address(layout.descriptors),
                            host_address(layout.available),
                            host_address(layout.used),
                            pair.kicks[i].get(),
                            pair.calls[i].get()};
    }
    pair.runs = pair.vhost.try_start(features, table_of(memory_), kernel_queues, tap_.ready_fd(number));
    return pair.runs;
}

void VhostNetDevice::stop() {
    for (const auto& pair : pairs_) {
        if (std::exchange(pair->runs, false)) pair->vhost.stop();
    }
    thread_.call([this] {
        control_.reset();
        driver_ = nullptr;
    });
}

bool VhostNetDevice::obey_control() {
    if (!control_ || has_failed_) return false;
    const bool obeyed_any = control_->serve();
    if (control_->fault()) {
        has_failed_ = true;
        driver_->fail(config::fill_in("queue {}: {}", control_->index(), *control_->fault()));
    } else if (obeyed_any && control_->queue().take_interrupt_wish()) {
        driver_->signal_used(control_->index());
    }
    return obeyed_any;
}

bool VhostNetDevice::serve() {
    bool any = obey_control();
    for (std::uint32_t i = 0; i < 2 * pairs_.size(); ++i) {
        if (!try_take(pairs_[i / 2]->calls[i % 2])) continue;
        any = true;
        if (driver_ != nullptr) driver_->signal_used(i);
    }
    return any;
}

}  // namespace husk::devices
