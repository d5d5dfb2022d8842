// SPDX-License-Identifier: Apache-2.0
#include "launcher/backend/troubled_backend.hpp"

#include <algorithm>
#include <utility>

#include "launcher/backend/pieces.hpp"
#include "launcher/host/clock.hpp"

namespace husk::backend {

namespace {

constexpr std::size_t line_frames = 1000;          // what a queue of the host's kernel holds; more are lost
constexpr std::uint64_t overtaken_ns = 2'000'000;  // long enough for the next frames to pass

}  // namespace

TroubledBackend::TroubledBackend(std::unique_ptr<NetBackend> network, const config::NetTrouble& trouble,
                                 std::uint32_t seed)
    : network_(std::move(network)), trouble_(trouble), random_(seed), buffer_(net_header_bytes + longest_frame_bytes) {}

bool TroubledBackend::happens(std::uint32_t percent) {
    return std::uniform_int_distribution<std::uint32_t>(0, 99)(random_) < percent;
}

void TroubledBackend::put(Line& line, std::span<const std::byte> bytes) {
    if (happens(trouble_.loss)) return;
    const int copies = happens(trouble_.duplicate) ? 2 : 1;
    std::uint64_t due_ns = host::monotonic_ns() + static_cast<std::uint64_t>(trouble_.delay.count()) * 1'000'000;
    if (happens(trouble_.reorder)) due_ns += overtaken_ns;
    for (int i = 0; i < copies && line.size() < line_frames; ++i) {
        const auto place = std::ranges::upper_bound(line, due_ns, {}, &Frame::due_ns);
        line.insert(place, {due_ns, {bytes.begin(), bytes.end()}});
    }
}

FrameStatus TroubledBackend::send(std::uint32_t, std::span<const iovec> frame) {
    const std::size_t size_bytes = copy_from(frame, 0, buffer_);
    put(outgoing_, std::span(buffer_).first(size_bytes));
    return send_due() == FrameStatus::gone ? FrameStatus::gone : FrameStatus::done;
}

FrameStatus TroubledBackend::send_due() {
    while (!outgoing_.empty() && outgoing_.front().due_ns <= host::monotonic_ns()) {
        std::vector<std::byte>& bytes = outgoing_.front().bytes;
        const iovec piece{bytes.data(), bytes.size()};
        const FrameStatus status = network_->send(0, std::span(&piece, 1));
        if (status == FrameStatus::again || status == FrameStatus::gone) return status;
        outgoing_.pop_front();
    }
    return FrameStatus::done;
}

FrameStatus TroubledBackend::read_all() {
    const iovec piece{buffer_.data(), buffer_.size()};
    for (std::size_t i = 0; i < line_frames; ++i) {
        const ReceivedFrame frame = network_->receive(0, std::span(&piece, 1));
        if (frame.status != FrameStatus::done) return frame.status;
        put(incoming_, std::span(buffer_).first(frame.size_bytes));
    }
    return FrameStatus::done;
}

ReceivedFrame TroubledBackend::receive(std::uint32_t, std::span<const iovec> room) {
    if (send_due() == FrameStatus::gone || read_all() == FrameStatus::gone) return {FrameStatus::gone, 0};
    if (incoming_.empty() || incoming_.front().due_ns > host::monotonic_ns()) return {FrameStatus::again, 0};
    const std::size_t size_bytes = store_at(room, 0, incoming_.front().bytes);
    incoming_.pop_front();
    return {FrameStatus::done, size_bytes};
}

std::uint64_t TroubledBackend::deadline_ns() const {
    std::uint64_t deadline = network_->deadline_ns();
    for (const Line* line : {&outgoing_, &incoming_}) {
        if (!line->empty()) deadline = std::min(deadline, line->front().due_ns);
    }
    return deadline;
}

}  // namespace husk::backend
