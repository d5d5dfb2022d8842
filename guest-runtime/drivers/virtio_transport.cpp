// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/drivers/virtio_transport.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include <husk/abi/memory_layout.hpp>

#include "guest-runtime/arch/mmio.hpp"
#include "guest-runtime/base/format.hpp"
#include "guest-runtime/base/heap.hpp"
#include "guest-runtime/base/panic.hpp"
#include "guest-runtime/memory/frames.hpp"

namespace husk {

namespace virtio = abi::virtio;
using virtio::Register;

std::uint64_t VirtioTransport::address_of(Register which) const {
    return abi::physmap_base + record_.registers + static_cast<std::uint32_t>(which);
}

std::uint32_t VirtioTransport::read(Register which) const { return arch::read_mmio32(address_of(which)); }

void VirtioTransport::write(Register which, std::uint32_t value) const { arch::write_mmio32(address_of(which), value); }

void VirtioTransport::write_address(Register low, std::uint64_t gpa) const {
    auto high = static_cast<Register>(static_cast<std::uint32_t>(low) + 4);
    write(low, static_cast<std::uint32_t>(gpa));
    write(high, static_cast<std::uint32_t>(gpa >> 32));
}

virtio::DeviceId VirtioTransport::device() const {
    if (record_.device != virtio::DeviceId::none) return record_.device;
    if (read(Register::magic_value) != virtio::magic) return virtio::DeviceId::none;
    auto device = static_cast<virtio::DeviceId>(read(Register::device_id));
    std::uint32_t version = read(Register::version);
    if (device == virtio::DeviceId::none || version == virtio::version_modern) return device;
    char buffer[160];
    TextWriter text(buffer);
    text.text("virtio device at 0x").hex(record_.registers).text(" has the legacy interface, version ");
    text.decimal(version).text(": QEMU wants -global virtio-mmio.force-legacy=false");
    log_line(text.view());
    return virtio::DeviceId::none;
}

// A device may take its time [virtio 4.2.3.1], but not for ever.
bool VirtioTransport::try_reset() const {
    constexpr std::uint32_t most_reads = 10'000'000;
    write(Register::status, 0);
    for (std::uint32_t i = 0; i < most_reads; ++i) {
        if (read(Register::status) == 0) return true;
        __builtin_ia32_pause();
    }
    return false;
}

Result<> VirtioTransport::negotiate(std::uint64_t wanted) {
    if (!try_reset()) return Errno::eio;
    std::uint32_t status = virtio::status::acknowledge | virtio::status::driver;
    write(Register::status, status);
    std::uint64_t offered = 0;
    for (std::uint32_t half : {0u, 1u}) {
        write(Register::device_features_sel, half);
        offered |= std::uint64_t{read(Register::device_features)} << (32 * half);
    }
    features_ = offered & (wanted | virtio::feature::version_1);
    for (std::uint32_t half : {0u, 1u}) {
        write(Register::driver_features_sel, half);
        write(Register::driver_features, static_cast<std::uint32_t>(features_ >> (32 * half)));
    }
    status |= virtio::status::features_ok;
    write(Register::status, status);
    bool agreed = (read(Register::status) & virtio::status::features_ok) != 0;
    if (agreed && has(virtio::feature::version_1)) return {};
    write(Register::status, status | virtio::status::failed);
    return Errno::eio;
}

Result<> VirtioTransport::begin(std::uint64_t wanted_features) {
    constexpr std::uint64_t any = virtio::feature::version_1;
    runs_already_ = record_.queue_count != 0 && record_.queue_size <= Virtqueue::max_size &&
                    (record_.features & ~wanted_features & ~any) == 0;
    if (!runs_already_) return negotiate(wanted_features);
    features_ = record_.features;
    return {};
}

Result<bool> VirtioTransport::add_queue(std::uint32_t index, Virtqueue& queue) {
    const bool has_event_index = has(virtio::feature::event_idx);
    if (runs_already_) {
        if (index >= record_.queue_count) return false;
        abi::GuestPhys at{record_.queues + index * virtio::queue_layout::bytes(record_.queue_size)};
        queue.initialise(memory::frame_pointer<std::byte>(at), record_.queue_size, has_event_index);
        return true;
    }
    write(Register::queue_sel, index);
    std::uint32_t size = std::min(read(Register::queue_num_max), Virtqueue::max_size);
    if (size == 0) return false;
    size = std::bit_floor(size);
    std::size_t bytes = virtio::queue_layout::bytes(size);
    auto* memory = static_cast<std::byte*>(heap::allocate(bytes));
    if (memory == nullptr) return Errno::enomem;
    std::memset(memory, 0, bytes);
    queue.initialise(memory, size, has_event_index);
    std::uint64_t gpa = memory::gpa_of(memory).value;
    write(Register::queue_num, size);
    write_address(Register::queue_desc_low, gpa);
    write_address(Register::queue_driver_low, gpa + virtio::queue_layout::available_offset(size));
    write_address(Register::queue_device_low, gpa + virtio::queue_layout::used_offset(size));
    write(Register::queue_ready, 1);
    return true;
}

void VirtioTransport::finish() const {
    if (runs_already_) return;
    write(Register::status, virtio::status::acknowledge | virtio::status::driver | virtio::status::features_ok |
                                virtio::status::driver_ok);
}

Result<std::size_t> VirtioTransport::start(std::uint64_t wanted_features, std::span<Virtqueue> queues) {
    HUSK_TRY(begin(wanted_features));
    std::size_t count = 0;
    while (count < queues.size() && HUSK_TRY(add_queue(static_cast<std::uint32_t>(count), queues[count]))) ++count;
    if (count == 0) return Errno::eio;
    finish();
    return count;
}

void VirtioTransport::acknowledge_interrupt() const {
    std::uint32_t why = read(Register::interrupt_status);
    if (why != 0) write(Register::interrupt_ack, why);
}

std::uint8_t VirtioTransport::read_config8(std::uint32_t offset) const {
    return arch::read_mmio8(address_of(Register::config) + offset);
}

std::uint16_t VirtioTransport::read_config16(std::uint32_t offset) const {
    return arch::read_mmio16(address_of(Register::config) + offset);
}

std::uint32_t VirtioTransport::read_config32(std::uint32_t offset) const {
    return arch::read_mmio32(address_of(Register::config) + offset);
}

// Of a device that never stops to change it, the latest.
std::uint64_t VirtioTransport::read_config64(std::uint32_t offset) const {
    constexpr int most_tries = 1000;
    std::uint64_t value = 0;
    for (int tries = 0; tries < most_tries; ++tries) {
        std::uint32_t generation = read(Register::config_generation);
        value = read_config32(offset) | std::uint64_t{read_config32(offset + 4)} << 32;
        if (read(Register::config_generation) == generation) break;
    }
    return value;
}

}  // namespace husk
