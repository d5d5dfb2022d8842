// SPDX-License-Identifier: Apache-2.0
#include "launcher/devices/net_device.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>

#include "launcher/config/text.hpp"
#include "launcher/host/clock.hpp"

namespace husk::devices {

namespace {

using backend::FrameStatus;
namespace feature = abi::virtio::net_feature;

// Frames of one queue before the others have their turn, and the driver hears of them.
constexpr int batch_frames = 64;

// A network without room says nothing when there is some again.
constexpr std::uint64_t blocked_retry_ns = 50'000;

// Without a limit the clock is not read for every frame.
bool may_pass(event::TokenBucket& limit) { return !limit.is_limited() || limit.is_open(host::monotonic_ns()); }

// With what a frame needs that was not segmented, should the driver accept such.
std::size_t longest_frame(const NetFacts& facts, const backend::NetOffloads& offloads) {
    constexpr std::size_t vlan_bytes = 4;
    if (offloads.tso4 || offloads.tso6 || offloads.uso) return backend::net_header_bytes + backend::longest_frame_bytes;
    return backend::net_header_bytes + facts.mtu + backend::ethernet_header_bytes + vlan_bytes;
}

}  // namespace

NetDevice::NetDevice(const NetFacts& facts, const NetLimits& limits, std::unique_ptr<backend::NetBackend> network,
                     event::SpinFacts& spin_facts, std::function<void()> on_gone)
    : facts_(facts),
      config_(net_config(facts)),
      network_(std::move(network)),
      on_gone_(std::move(on_gone)),
      send_limit_(limits.bytes_per_second),
      receive_limit_(limits.bytes_per_second),
      thread_(*this, spin_facts) {
    for (std::uint32_t i = 0; i < facts_.queue_pairs; ++i)
        thread_.add_wake_fd(network_->ready_fd(i), event::ServiceThread::Trigger::edge);
}

NetDevice::~NetDevice() { stop(); }

std::span<const std::byte> NetDevice::config() const { return std::as_bytes(std::span(&config_, 1)); }

void NetDevice::start(std::uint64_t features, std::vector<NumberedQueue> queues, virtio::DriverLink& driver) {
    thread_.call([&] {
        driver_ = &driver;
        has_failed_ = false;
        used_pairs_ = 1;
        network_->use_queues(1);
        network_->accept_offloads(guest_offloads(features));
        for (NumberedQueue& queue : queues) add_queue(std::move(queue), features);
    });
}

// receiveq1, transmitq1, receiveq2, ..., and behind the pairs that may be in use the control queue [virtio 5.1.2].
void NetDevice::add_queue(NumberedQueue queue, std::uint64_t features) {
    const std::uint32_t pairs = (features & feature::multi_queue) != 0 ? facts_.queue_pairs : 1;
    if (queue.index >= 2 * pairs) {
        control_.emplace(std::move(queue), facts_.queue_pairs, [this](std::uint32_t wanted) {
            used_pairs_ = wanted;
            network_->use_queues(wanted);
        });
        return;
    }
    const std::uint32_t pair = queue.index / 2;
    if (queue.index % 2 != 0) {
        senders_.push_back(std::make_unique<NetSender>(std::move(queue), pair, *network_));
        return;
    }
    receivers_.push_back(std::make_unique<NetReceiver>(std::move(queue), pair, *network_,
                                                       longest_frame(facts_, guest_offloads(features)),
                                                       (features & feature::mrg_rxbuf) != 0));
}

void NetDevice::stop() {
    thread_.call([this] {
        for (const auto& receiver : receivers_) receiver->abandon();
        for (const auto& sender : senders_) sender->abandon();
        receivers_.clear();
        senders_.clear();
        control_.reset();
        driver_ = nullptr;
    });
}

virtio::DeviceCounters NetDevice::counters() const { return {frames_.load(), bytes_.load()}; }

bool NetDevice::serve() {
    if (has_failed_ || driver_ == nullptr) return false;
    bool is_busy = obey_control();
    for (const auto& sender : senders_) is_busy |= send(*sender);
    for (const auto& receiver : receivers_) {
        if (receiver->index() / 2 < used_pairs_) is_busy |= receive(*receiver);
    }
    if (is_busy && !has_failed_) signal();
    return is_busy && !has_failed_;
}

bool NetDevice::send(NetSender& sender) {
    bool sent_any = false;
    for (int i = 0; i < batch_frames && !has_failed_; ++i) {
        if (!may_pass(send_limit_)) break;
        const NetSender::SentFrame sent = is_gone_ ? sender.discard() : sender.send();
        if (sent.status == FrameStatus::again) break;
        if (sent.status == FrameStatus::gone) lose_link();
        if (sent.status == FrameStatus::done) count(sent.size_bytes, send_limit_);
        sent_any = true;
    }
    check(sender.index(), sender.queue());
    return sent_any;
}

bool NetDevice::receive(NetReceiver& receiver) {
    bool received_any = false;
    for (int i = 0; i < batch_frames && !is_gone_; ++i) {
        if (!may_pass(receive_limit_)) break;
        const backend::ReceivedFrame frame = receiver.receive();
        if (frame.status == FrameStatus::again) break;
        if (frame.status == FrameStatus::gone) lose_link();
        if (frame.status == FrameStatus::done) count(frame.size_bytes, receive_limit_);
        received_any = true;
    }
    check(receiver.index(), receiver.queue());
    return received_any;
}

bool NetDevice::obey_control() {
    if (!control_) return false;
    const bool obeyed_any = control_->serve();
    if (control_->fault() && !has_failed_) fail(control_->index(), *control_->fault());
    return obeyed_any;
}

void NetDevice::signal() {
    const auto tell = [this](virtio::Queue& queue, std::uint32_t index) {
        if (queue.take_interrupt_wish()) driver_->signal_used(index);
    };
    for (const auto& receiver : receivers_) tell(receiver->queue(), receiver->index());
    for (const auto& sender : senders_) tell(sender->queue(), sender->index());
    if (control_) tell(control_->queue(), control_->index());
}

bool NetDevice::arm() {
    if (has_failed_) return true;
    bool may_sleep = !control_ || control_->queue().arm();
    for (const auto& receiver : receivers_) may_sleep &= receiver->arm();
    // A limit that is used up opens by itself: the driver need not say anything.
    if (send_limit_.opens_ns() != UINT64_MAX) return may_sleep;
    for (const auto& sender : senders_) may_sleep &= sender->arm();
    return may_sleep;
}

void NetDevice::disarm() {
    for (const auto& receiver : receivers_) receiver->queue().disarm();
    for (const auto& sender : senders_) sender->queue().disarm();
    if (control_) control_->queue().disarm();
}

std::uint64_t NetDevice::deadline_ns() const {
    std::uint64_t deadline = std::min(send_limit_.opens_ns(), receive_limit_.opens_ns());
    if (!is_gone_) deadline = std::min(deadline, network_->deadline_ns());
    const bool is_blocked = std::ranges::any_of(senders_, [](const auto& sender) { return sender->is_blocked(); });
    if (is_blocked) deadline = std::min(deadline, host::monotonic_ns() + blocked_retry_ns);
    return deadline;
}

void NetDevice::count(std::size_t frame_bytes, event::TokenBucket& bucket) {
    frames_.fetch_add(1, std::memory_order_relaxed);
    bytes_.fetch_add(frame_bytes, std::memory_order_relaxed);
    bucket.take(frame_bytes);
}

void NetDevice::check(std::uint32_t index, const virtio::Queue& queue) {
    if (queue.fault() && !has_failed_) fail(index, *queue.fault());
}

void NetDevice::fail(std::uint32_t queue, std::string_view what) {
    has_failed_ = true;
    driver_->fail(config::fill_in("queue {}: {}", queue, what));
}

void NetDevice::lose_link() {
    if (std::exchange(is_gone_, true)) return;
    config_.status = 0;
    driver_->change_config(config());
    if (on_gone_) on_gone_();
}

}  // namespace husk::devices
