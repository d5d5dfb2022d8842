// SPDX-License-Identifier: Apache-2.0
// A network of which the test holds the other end.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

#include "launcher/backend/net_backend.hpp"
#include "launcher/backend/pieces.hpp"
#include "launcher/host/event_fd.hpp"

namespace husk::test {

class MemoryNetwork final : public backend::NetBackend {
public:
    // What the test and the device share; it outlives the device.
    struct Wire {
        std::mutex mutex;
        std::array<std::deque<std::string>, 2> to_guest;  // by queue; without header
        std::vector<std::string> from_guest;
        std::vector<std::uint32_t> sent_by;  // the queue of each of those
        backend::NetOffloads accepted;       // by the driver
        std::size_t room_frames = SIZE_MAX;
        bool is_gone = false;
        std::atomic<std::uint32_t> used_queues = 1;
        std::array<host::EventFd, 2> ready;

        void put(std::string frame, std::size_t queue = 0) {
            {
                const std::lock_guard lock(mutex);
                to_guest[queue].push_back(std::move(frame));
            }
            ready[queue].signal();
        }
        std::vector<std::string> taken() {
            const std::lock_guard lock(mutex);
            return from_guest;
        }
        void end() {
            {
                const std::lock_guard lock(mutex);
                is_gone = true;
            }
            ready[0].signal();
        }
    };

    explicit MemoryNetwork(Wire& wire, std::uint32_t queue_pairs = 1) : wire_(wire), queue_pairs_(queue_pairs) {}

    [[nodiscard]] std::uint32_t mtu() const override { return 1500; }
    [[nodiscard]] std::uint32_t queue_pairs() const override { return queue_pairs_; }
    [[nodiscard]] backend::NetOffloads offloads() const override { return {true, true, true, false}; }
    void use_queues(std::uint32_t count) override { wire_.used_queues = count; }
    void accept_offloads(const backend::NetOffloads& offloads) override {
        const std::lock_guard lock(wire_.mutex);
        wire_.accepted = offloads;
    }
    [[nodiscard]] int ready_fd(std::uint32_t queue) const override { return wire_.ready[queue].get(); }

    [[nodiscard]] backend::FrameStatus send(std::uint32_t queue, std::span<const iovec> frame) override {
        const std::lock_guard lock(wire_.mutex);
        if (wire_.is_gone) return backend::FrameStatus::gone;
        if (wire_.from_guest.size() >= wire_.room_frames) return backend::FrameStatus::again;
        std::string bytes(backend::total_bytes(frame) - backend::net_header_bytes, '\0');
        backend::copy_from(frame, backend::net_header_bytes, std::as_writable_bytes(std::span(bytes)));
        wire_.from_guest.push_back(std::move(bytes));
        wire_.sent_by.push_back(queue);
        return backend::FrameStatus::done;
    }
    [[nodiscard]] backend::ReceivedFrame receive(std::uint32_t queue, std::span<const iovec> room) override {
        const std::lock_guard lock(wire_.mutex);
        if (wire_.is_gone) return {backend::FrameStatus::gone, 0};
        std::deque<std::string>& waiting = wire_.to_guest[queue];
        if (waiting.empty()) return {};
        const std::string frame = std::move(waiting.front());
        waiting.pop_front();
        const std::size_t stored = backend::store_at(room, backend::net_header_bytes, std::as_bytes(std::span(frame)));
        return {backend::FrameStatus::done, backend::net_header_bytes + stored};
    }

private:
    Wire& wire_;
    std::uint32_t queue_pairs_;
};

}  // namespace husk::test
