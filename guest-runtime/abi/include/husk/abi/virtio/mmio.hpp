// SPDX-License-Identifier: Apache-2.0
// virtio over MMIO: the registers of one device in one page [virtio 4.2.2].
//
// Under our launcher the page can be read without an exit; a write is an exit, or an ioeventfd at queue_notify.
#pragma once

#include <cstdint>

namespace husk::abi::virtio {

enum class Register : std::uint32_t {  // byte offset; R: the driver reads, W: it writes
    magic_value = 0x000,               // R
    version = 0x004,                   // R
    device_id = 0x008,                 // R
    vendor_id = 0x00c,                 // R
    device_features = 0x010,           // R, the half that device_features_sel names
    device_features_sel = 0x014,       // W
    driver_features = 0x020,           // W
    driver_features_sel = 0x024,       // W
    queue_sel = 0x030,                 // W
    queue_num_max = 0x034,             // R, of the queue that queue_sel names, as all queue_* but queue_notify
    queue_num = 0x038,                 // W
    queue_ready = 0x044,               // RW
    queue_notify = 0x050,              // W: the queue's index
    interrupt_status = 0x060,          // R
    interrupt_ack = 0x064,             // W
    status = 0x070,                    // RW
    queue_desc_low = 0x080,            // W, queue_desc_high follows
    queue_desc_high = 0x084,           // W
    queue_driver_low = 0x090,          // W
    queue_driver_high = 0x094,         // W
    queue_device_low = 0x0a0,          // W
    queue_device_high = 0x0a4,         // W
    shm_sel = 0x0ac,                   // W
    shm_len_low = 0x0b0,               // R
    shm_len_high = 0x0b4,              // R
    config_generation = 0x0fc,         // R
    config = 0x100,                    // RW, up to the end of the page
};

inline constexpr std::uint32_t magic = 0x7472'6976;  // "virt"
inline constexpr std::uint32_t version_modern = 2;
inline constexpr std::uint32_t vendor_husk = 0x4b53'5548;  // "HUSK"

enum class DeviceId : std::uint32_t { none = 0, net = 1, block = 2 };  // [virtio 5]

// Device status [virtio 2.1].
namespace status {
inline constexpr std::uint32_t acknowledge = 1;
inline constexpr std::uint32_t driver = 2;
inline constexpr std::uint32_t driver_ok = 4;
inline constexpr std::uint32_t features_ok = 8;
inline constexpr std::uint32_t needs_reset = 64;
inline constexpr std::uint32_t failed = 128;
}  // namespace status

// interrupt_status and interrupt_ack.
namespace interrupt {
inline constexpr std::uint32_t used_buffer = 1;
inline constexpr std::uint32_t config_change = 2;
}  // namespace interrupt

// Feature bits of every device [virtio 6].
namespace feature {
inline constexpr std::uint64_t indirect_desc = 1ull << 28;
inline constexpr std::uint64_t event_idx = 1ull << 29;
inline constexpr std::uint64_t version_1 = 1ull << 32;
}  // namespace feature

}  // namespace husk::abi::virtio
