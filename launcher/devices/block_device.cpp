// SPDX-License-Identifier: Apache-2.0
#include "launcher/devices/block_device.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string>
#include <utility>

#include "launcher/config/text.hpp"
#include "launcher/host/clock.hpp"
#include "launcher/host/error.hpp"

namespace husk::devices {

using abi::virtio::BlockConfig;

BlockDevice::BlockDevice(const BlockFacts& facts, const BlockRates& rates, std::unique_ptr<backend::Storage> storage,
                         event::SpinFacts& spin_facts)
    : facts_(facts),
      config_(block_config(facts)),
      storage_(std::move(storage)),
      has_rates_(rates.bytes != 0 || rates.operations != 0),
      byte_bucket_(rates.bytes),
      operation_bucket_(rates.operations),
      is_write_back_(facts.write_back),
      thread_(*this, spin_facts) {}

BlockDevice::~BlockDevice() { stop(); }

std::span<const std::byte> BlockDevice::config() const { return std::as_bytes(std::span(&config_, 1)); }

void BlockDevice::start(std::uint64_t features, std::vector<NumberedQueue> queues, virtio::DriverLink& driver) {
    thread_.call([&] {
        queues_ = std::move(queues);
        driver_ = &driver;
        has_failed_ = false;
        limits_.size_bytes = facts_.size_bytes;
        limits_.block_bytes = facts_.block_bytes;
        limits_.features = features;
        // A driver that cannot flush expects every write to be durable [virtio 5.2.6.2].
        if ((features & abi::virtio::block_feature::flush) == 0) is_write_back_.store(false);
        facts_.serial.copy(limits_.serial.data(), limits_.serial.size());
    });
}

void BlockDevice::stop() {
    thread_.call([this] {
        quiesce();
        queues_.clear();
        driver_ = nullptr;
    });
    is_write_back_.store(facts_.write_back);
}

// Once a read is under way the host may store to guest memory at any time: it has to end before a reset does.
void BlockDevice::quiesce() {
    while (in_flight_ != 0) {
        engine_->wait();
        done_.clear();
        engine_->collect(done_);
        for (backend::IoRequest* const operation : done_) {
            --in_flight_;
            auto* const request = static_cast<BlockRequest*>(operation->owner);
            if (!request->count_completed()) continue;
            const std::unique_ptr<BlockRequest> ended(request);
            ended->take_chain().abandon();
        }
    }
}

std::span<const std::byte> BlockDevice::on_config_write(std::size_t offset, std::span<const std::byte> data) {
    // The one field that a driver may set [virtio 5.2.5.2].
    if (offset == offsetof(BlockConfig, write_back) && data.size() == 1) {
        config_.write_back = data[0] == std::byte{0} ? 0 : 1;
        is_write_back_.store(config_.write_back != 0);
    }
    return config();
}

virtio::DeviceCounters BlockDevice::counters() const { return {requests_.load(), bytes_.load()}; }

bool BlockDevice::serve() {
    if (has_failed_) return false;
    bool is_busy = collect();
    for (NumberedQueue& numbered : queues_) is_busy |= take_requests(numbered);
    if (engine_) engine_->start();
    if (is_busy) signal();
    return is_busy;
}

bool BlockDevice::arm() {
    // A device that is throttled looks at its queues again when it may go on.
    if (has_failed_ || throttled_until_ns_ != UINT64_MAX) return true;
    return std::ranges::all_of(queues_, [](NumberedQueue& numbered) { return numbered.queue.arm(); });
}

void BlockDevice::disarm() {
    for (NumberedQueue& numbered : queues_) numbered.queue.disarm();
}

void BlockDevice::on_move() {
    if (engine_) engine_->follow_this_thread();
}

bool BlockDevice::collect() {
    if (in_flight_ == 0) return false;
    done_.clear();
    engine_->collect(done_);
    for (backend::IoRequest* const operation : done_) {
        --in_flight_;
        auto* const request = static_cast<BlockRequest*>(operation->owner);
        if (request->count_completed()) complete(std::unique_ptr<BlockRequest>(request));
    }
    return !done_.empty();
}

bool BlockDevice::take_requests(NumberedQueue& numbered) {
    bool took = false;
    while (!is_throttled()) {
        auto chain = numbered.queue.try_take();
        if (!chain) break;
        took = true;
        limits_.is_write_back = is_write_back_.load(std::memory_order_relaxed);
        auto request = std::make_unique<BlockRequest>(numbered.index, std::move(*chain));
        if (!request->parse(limits_)) {
            fail(numbered.index,
                 config::fill_in("chain {} has no room for a request's header and status", request->chain().head()));
            request->take_chain().abandon();
            return took;
        }
        submit(std::move(request));
        if (has_failed_) return took;
    }
    if (numbered.queue.fault()) fail(numbered.index, *numbered.queue.fault());
    return took;
}

bool BlockDevice::is_throttled() {
    throttled_until_ns_ = UINT64_MAX;
    if (!has_rates_) return false;
    const std::uint64_t now_ns = host::monotonic_ns();
    const bool has_bytes = byte_bucket_.is_open(now_ns), has_operations = operation_bucket_.is_open(now_ns);
    if (has_bytes && has_operations) return false;
    throttled_until_ns_ = std::min(byte_bucket_.opens_ns(), operation_bucket_.opens_ns());
    return true;
}

void BlockDevice::submit(std::unique_ptr<BlockRequest> request) {
    requests_.fetch_add(1, std::memory_order_relaxed);
    bytes_.fetch_add(request->transfer_bytes(), std::memory_order_relaxed);
    byte_bucket_.take(request->transfer_bytes());
    operation_bucket_.take(1);
    if (request->operations().empty()) return complete(std::move(request));
    if (!engine_ && !try_make_engine()) return request->take_chain().abandon();
    // Owned by its operations from here on.
    BlockRequest* const pending = request.release();
    in_flight_ += pending->operations().size();
    for (backend::IoRequest& operation : pending->operations()) engine_->submit(operation);
}

bool BlockDevice::try_make_engine() {
    try {
        engine_ = storage_->make_engine();
        engine_->follow_this_thread();
        thread_.add_wake_fd(engine_->ready_fd());
    } catch (const host::Error& error) {
        engine_.reset();
        has_failed_ = true;
        driver_->break_down(error.what());
        return false;
    }
    driver_->note(config::fill_in("uses {} for I/O", engine_->name()));
    return true;
}

void BlockDevice::complete(std::unique_ptr<BlockRequest> request) {
    const std::uint32_t written_bytes = request->answer();
    queue_of(*request).queue.complete(request->take_chain(), written_bytes);
}

BlockDevice::NumberedQueue& BlockDevice::queue_of(const BlockRequest& request) {
    return *std::ranges::find(queues_, request.queue(), &NumberedQueue::index);
}

void BlockDevice::signal() {
    for (NumberedQueue& numbered : queues_) {
        if (numbered.queue.take_interrupt_wish()) driver_->signal_used(numbered.index);
    }
}

void BlockDevice::fail(std::uint32_t queue, std::string_view what) {
    has_failed_ = true;
    driver_->fail(config::fill_in("queue {}: {}", queue, what));
}

}  // namespace husk::devices
