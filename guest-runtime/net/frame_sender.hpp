// SPDX-License-Identifier: Apache-2.0
// The way of lwIP's frames to a device: alone or as a train, by the queue of their flow, kept until the device has read
// them. All with the stack's lock held.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <lwip/err.h>

#include "guest-runtime/net/flow_steering.hpp"
#include "guest-runtime/net/frames_in_flight.hpp"
#include "guest-runtime/net/interface_counters.hpp"
#include "guest-runtime/net/net_device.hpp"
#include "guest-runtime/net/segment_train.hpp"

namespace husk::net {

class FrameSender {
public:
    FrameSender(NetDevice& device, InterfaceCounters& counters) : device_(device), counters_(counters) {}
    FrameSender(const FrameSender&) = delete;
    FrameSender& operator=(const FrameSender&) = delete;

    err_t send(pbuf& frame);
    // Shows the device what was sent.
    void flush();
    // A token of a frame that the device has read.
    void on_sent(void* token);

private:
    bool joins_train(pbuf& frame);
    err_t send_alone(pbuf& frame);
    void send_train();
    bool hand_over(OutgoingFrame frame, FrameInFlight& record, std::span<const std::byte> headers);

    NetDevice& device_;
    InterfaceCounters& counters_;
    SegmentTrain train_;
    FrameInFlight* train_record_ = nullptr;
    FlowSteering steering_;
};

}  // namespace husk::net
