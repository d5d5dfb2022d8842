// SPDX-License-Identifier: Apache-2.0
#include "launcher/virtio/mmio_transport.hpp"

#include <cassert>
#include <cstring>
#include <utility>

#include "launcher/config/text.hpp"

namespace husk::virtio {

namespace {

using abi::virtio::Register;
using config::fill_in;
using config::Hex;
namespace status = abi::virtio::status;
namespace interrupt = abi::virtio::interrupt;

constexpr std::uint64_t transport_features =
    abi::virtio::feature::version_1 | abi::virtio::feature::event_idx | abi::virtio::feature::indirect_desc;

// The half of a 64-bit value that a *_sel register names; there are no more than two.
std::uint32_t half(std::uint64_t value, std::uint32_t select) {
    return select < 2 ? static_cast<std::uint32_t>(value >> (32 * select)) : 0;
}

void set_half(std::uint64_t& value, std::uint32_t select, std::uint32_t bits) {
    if (select >= 2) return;
    const std::uint32_t shift = 32 * select;
    value = (value & ~(std::uint64_t{UINT32_MAX} << shift)) | (std::uint64_t{bits} << shift);
}

}  // namespace

MmioTransport::MmioTransport(std::string name, std::unique_ptr<Device> device, const memory::GuestMemory& memory,
                             std::span<std::byte> page, TransportHost& host)
    : name_(std::move(name)),
      device_(std::move(device)),
      memory_(memory),
      page_(page),
      host_(host),
      queues_(device_->queue_count()) {
    page_.store(Register::magic_value, abi::virtio::magic);
    page_.store(Register::version, abi::virtio::version_modern);
    page_.store(Register::device_id, static_cast<std::uint32_t>(device_->id()));
    page_.store(Register::vendor_id, abi::virtio::vendor_husk);
    page_.store(Register::device_features, half(offered_features(), 0));
    // No shared memory regions: their length reads as all ones [virtio 4.2.2].
    page_.store(Register::shm_len_low, UINT32_MAX);
    page_.store(Register::shm_len_high, UINT32_MAX);
    page_.store_config(device_->config());
    select_queue(0);
}

MmioTransport::~MmioTransport() { device_->stop(); }

std::uint64_t MmioTransport::offered_features() const { return device_->features() | transport_features; }

std::uint64_t MmioTransport::hand_over(std::span<const QueueLayout> queues, std::uint64_t driver_features) {
    assert(queues.size() <= queues_.size());
    const std::lock_guard lock(mutex_);
    driver_features_ = offered_features() & driver_features;
    for (std::size_t i = 0; i < queues.size(); ++i) queues_[i] = {queues[i], true};
    select_queue(0);
    set_status(status::acknowledge | status::driver | status::features_ok | status::driver_ok);
    start();
    return driver_features_;
}

TransportCounters MmioTransport::counters() const {
    return {register_writes_.load(), notifications_.load(), signals_.load()};
}

// Reads go to the page by themselves; only an access that KVM has to emulate comes here.
void MmioTransport::on_read(std::uint64_t offset, std::span<std::byte> data) { page_.copy_to(offset, data); }

void MmioTransport::on_write(std::uint64_t offset, std::span<const std::byte> data) {
    register_writes_.fetch_add(1, std::memory_order_relaxed);
    if (offset >= RegisterPage::config_offset) {
        const std::lock_guard lock(mutex_);
        page_.store_config(device_->on_config_write(offset - RegisterPage::config_offset, data));
        return;
    }
    // Registers are accessed as aligned 32-bit words [virtio 4.2.2.2].
    std::uint32_t value = 0;
    if (data.size() != sizeof value || offset % sizeof value != 0)
        return fail(fill_in("a write of {} bytes to register {}", data.size(), Hex{offset}));
    std::memcpy(&value, data.data(), sizeof value);
    const auto at = static_cast<Register>(offset);
    if (at == Register::queue_notify) return notify(value);
    const std::lock_guard lock(mutex_);
    write_register(at, value);
}

void MmioTransport::notify(std::uint32_t queue) {
    notifications_.fetch_add(1, std::memory_order_relaxed);
    if (queue >= queues_.size()) return fail(fill_in("queue {} was notified, which it does not have", queue));
    device_->notify(queue);
}

void MmioTransport::write_register(Register at, std::uint32_t value) {
    switch (at) {
        case Register::device_features_sel:
            device_features_select_ = value;
            page_.store(Register::device_features, half(offered_features(), value));
            break;
        case Register::driver_features_sel:
            driver_features_select_ = value;
            break;
        case Register::driver_features:
            // Once agreed they are fixed [virtio 3.1.1].
            if ((status_ & status::features_ok) == 0) set_half(driver_features_, driver_features_select_, value);
            break;
        case Register::queue_sel:
            select_queue(value);
            break;
        case Register::interrupt_ack:
            page_.clear_bits(Register::interrupt_status, value);
            break;
        case Register::status:
            write_status(value);
            break;
        default:
            write_queue(at, value);
            break;
    }
}

void MmioTransport::select_queue(std::uint32_t queue) {
    queue_select_ = queue;
    const bool exists = queue < queues_.size();
    page_.store(Register::queue_num_max, exists ? device_->queue_size_max() : 0);
    page_.store(Register::queue_ready, exists && queues_[queue].is_ready ? 1 : 0);
}

void MmioTransport::write_queue(Register at, std::uint32_t value) {
    if (queue_select_ >= queues_.size()) return;
    QueueState& queue = queues_[queue_select_];
    if (at == Register::queue_ready) return set_queue_ready(queue, value == 1);
    if (queue.is_ready) return;  // the driver disables it first [virtio 4.2.2.2]
    switch (at) {
        case Register::queue_num:
            queue.layout.size = value;
            break;
        case Register::queue_desc_low:
        case Register::queue_desc_high:
            set_half(queue.layout.descriptors.value, at == Register::queue_desc_high, value);
            break;
        case Register::queue_driver_low:
        case Register::queue_driver_high:
            set_half(queue.layout.available.value, at == Register::queue_driver_high, value);
            break;
        case Register::queue_device_low:
        case Register::queue_device_high:
            set_half(queue.layout.used.value, at == Register::queue_device_high, value);
            break;
        default:
            break;  // read-only, or none of this device's
    }
}

void MmioTransport::set_queue_ready(QueueState& queue, bool is_ready) {
    if (queue.is_ready == is_ready) return;
    if (is_ready &&
        (queue.layout.size > device_->queue_size_max() || !Queue::try_create(memory_, queue.layout, driver_features_)))
        return fail(fill_in("queue {} of {} entries is not laid out in memory as it must be", queue_select_,
                            queue.layout.size));
    queue.is_ready = is_ready;
    page_.store(Register::queue_ready, is_ready ? 1 : 0);
    // Queues are enabled before driver_ok [virtio 3.1.1]; one that is disabled later leaves the device without it.
    if (!is_ready && (status_ & status::driver_ok) != 0) {
        device_->stop();
        start();
    }
}

void MmioTransport::write_status(std::uint32_t value) {
    if (value == 0) return reset();
    const std::uint32_t added = value & ~status_;
    if ((added & status::features_ok) != 0) {
        const bool acceptable =
            (driver_features_ & ~offered_features()) == 0 && (driver_features_ & abi::virtio::feature::version_1) != 0;
        if (!acceptable) value &= ~status::features_ok;  // the driver sees it missing [virtio 3.1.1, step 6]
    }
    if ((added & status::driver_ok) != 0 && (value & status::features_ok) == 0)
        return fail("driver_ok before the features were agreed on");
    // A driver only adds bits [virtio 2.1.1].
    set_status(status_ | value);
    if ((added & status::driver_ok) != 0) start();
}

void MmioTransport::set_status(std::uint32_t status) {
    status_ = status;
    page_.store(Register::status, status);
}

void MmioTransport::start() {
    std::vector<Device::NumberedQueue> enabled;
    for (std::uint32_t i = 0; i < queues_.size(); ++i) {
        if (!queues_[i].is_ready) continue;
        auto queue = Queue::try_create(memory_, queues_[i].layout, driver_features_);
        assert(queue);  // tried when the driver enabled it
        enabled.push_back({i, std::move(*queue)});
    }
    device_->start(driver_features_, std::move(enabled), *this);
}

void MmioTransport::reset() {
    device_->stop();
    for (QueueState& queue : queues_) queue = {};
    driver_features_ = 0;
    page_.store(Register::interrupt_status, 0);
    select_queue(queue_select_);
    set_status(0);
}

void MmioTransport::signal_used(std::uint32_t queue) {
    signals_.fetch_add(1, std::memory_order_relaxed);
    page_.set_bits(Register::interrupt_status, interrupt::used_buffer);
    host_.on_device_news(device_->home_of(queue));
}

void MmioTransport::change_config(std::span<const std::byte> config) {
    page_.store_config(config);
    page_.set_bits(Register::interrupt_status, interrupt::config_change);
    host_.on_device_news(0);
}

void MmioTransport::note(const std::string& sentence) {
    host_.on_device_note(fill_in("device {} {}", name_, sentence));
}

void MmioTransport::fail(const std::string& what) {
    page_.set_bits(Register::status, status::needs_reset);
    host_.on_device_fault(fill_in("device {}: {}", name_, what));
}

void MmioTransport::break_down(const std::string& why) {
    host_.on_device_breakdown(fill_in("device {}: {}", name_, why));
}

}  // namespace husk::virtio
