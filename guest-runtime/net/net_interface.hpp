// SPDX-License-Identifier: Apache-2.0
// A network device as an interface of lwIP's: frames between its packet buffers and the driver.
#pragma once

#include <lwip/netif.h>

#include "guest-runtime/net/frame_sender.hpp"
#include "guest-runtime/net/interface_counters.hpp"
#include "guest-runtime/net/net_device.hpp"

namespace husk::net {

class NetInterface final : FrameSink {
public:
    explicit NetInterface(NetDevice& device) : device_(device), sender_(device, counters_) {}
    NetInterface(const NetInterface&) = delete;
    NetInterface& operator=(const NetInterface&) = delete;

    // With the stack's lock held, as all that follows.
    Result<> attach();
    void serve() { device_.collect(*this); }
    void flush() { sender_.flush(); }
    void refill() { device_.refill(); }
    // Without the lock.
    void notify() { device_.notify(); }
    [[nodiscard]] const InterfaceCounters& counters() const { return counters_; }
    NetInterface* next = nullptr;

private:
    friend struct InterfaceCallbacks;

    void on_frame(std::span<const IncomingPiece> pieces, bool checksum_is_right) override;
    void on_sent(void* token) override { sender_.on_sent(token); }
    void on_link(bool is_up) override;

    NetDevice& device_;
    netif interface_{};
    InterfaceCounters counters_;
    FrameSender sender_;
};

// Flushes every device; when the stack's lock is given back.
void flush_net_devices();
// Tells every device what it has to know of it; when the lock has been given back.
void notify_net_devices();
// Refills every device; with the stack's lock held.
void refill_net_devices();

}  // namespace husk::net
