// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/net/frame_sender.hpp"

#include <array>

#include <lwip/pbuf.h>

#include "guest-runtime/net/partial_checksum.hpp"
#include "guest-runtime/net/stack.hpp"
#include "guest-runtime/thread/scheduler.hpp"

namespace husk::net {

namespace {

constexpr std::size_t most_pieces = 64;

std::span<const std::byte> front_of(const pbuf& frame) {
    return {static_cast<const std::byte*>(frame.payload), frame.len};
}

}  // namespace

// What lies in front of the first frame of a train is the train's: it holds for all of them.
bool FrameSender::hand_over(OutgoingFrame frame, FrameInFlight& record, std::span<const std::byte> headers) {
    std::uint32_t pairs = device_.queue_pairs();
    if (pairs > 1) {
        std::uint32_t flow = flow_hash(headers);
        auto wanted = static_cast<std::uint16_t>(thread::vcpu_index() % pairs);
        frame.queue_pair = steering_.choose(flow, wanted, !is_stacks_own_work());
        record.set_flow(flow);
    }
    frame.token = &record;
    if (!device_.send(frame).ok()) return false;
    steering_.begin(record.flow());
    return true;
}

bool FrameSender::joins_train(pbuf& frame) {
    const NetDeviceFacts& facts = device_.facts();
    bool is_first = train_.is_empty();
    if (is_first && train_record_ == nullptr) train_record_ = FrameInFlight::create(SegmentTrain::most_frames);
    if (train_record_ == nullptr || !train_.add(frame, facts.cuts_ipv4, facts.cuts_ipv6)) return false;
    if (is_first) train_record_->begin();
    pbuf_ref(&frame);
    return true;
}

err_t FrameSender::send(pbuf& frame) {
    const NetDeviceFacts& facts = device_.facts();
    if (!facts.cuts_ipv4 && !facts.cuts_ipv6) return send_alone(frame);
    bool has_room = pbuf_add_header(&frame, device_header_bytes) == 0;
    if (has_room) pbuf_remove_header(&frame, device_header_bytes);
    if (has_room && joins_train(frame)) return ERR_OK;
    send_train();
    if (has_room && joins_train(frame)) return ERR_OK;
    return send_alone(frame);
}

void FrameSender::send_train() {
    if (train_.is_empty()) return;
    std::span<pbuf* const> frames = train_.frames();
    if (frames.size() == 1) {
        (void)send_alone(*frames[0]);
        train_record_->end();  // and serves the next one
        pbuf_free(frames[0]);
    } else {
        train_record_->keep(frames);
        if (hand_over(train_.finish(), *train_record_, front_of(*frames[0]))) {
            counters_.sent_packets += frames.size();
            counters_.sent_bytes += train_.size_bytes();
        } else {
            // Lost, as on a wire; TCP sends it again.
            counters_.sent_drops += frames.size();
            train_record_->end();
            train_record_->destroy();
        }
        train_record_ = nullptr;
    }
    train_.clear();
}

err_t FrameSender::send_alone(pbuf& frame) {
    std::array<FramePiece, most_pieces> pieces;
    std::size_t count = 0;
    std::span<const std::byte> headers = front_of(frame);
    ChecksumPlace checksum;
    if (device_.facts().completes_checksums) checksum = prepare_checksum(frame);
    // The driver's header goes in front; lwIP keeps room for it (PBUF_LINK_ENCAPSULATION_HLEN).
    if (pbuf_add_header(&frame, device_header_bytes) != 0) return ERR_BUF;
    bool fits = true;
    for (pbuf* part = &frame; part != nullptr && fits; part = part->next) {
        if (part->len == 0) continue;
        fits = count < pieces.size();
        if (fits) pieces[count++] = {static_cast<std::byte*>(part->payload), part->len};
    }
    FrameInFlight* record = fits ? FrameInFlight::create(1) : nullptr;
    bool is_sent = false;
    if (record != nullptr) {
        record->begin();
        is_sent =
            hand_over({std::span(pieces).first(count), checksum.start, checksum.offset, nullptr}, *record, headers);
    }
    pbuf_remove_header(&frame, device_header_bytes);
    if (is_sent) {
        pbuf* kept = &frame;
        pbuf_ref(kept);
        record->keep({&kept, 1});
        ++counters_.sent_packets;
        counters_.sent_bytes += frame.tot_len;
        return ERR_OK;
    }
    if (record != nullptr) {
        record->end();
        record->destroy();
    }
    ++counters_.sent_drops;
    return fits ? ERR_MEM : ERR_BUF;
}

void FrameSender::flush() {
    send_train();
    device_.flush();
}

void FrameSender::on_sent(void* token) {
    auto* record = static_cast<FrameInFlight*>(token);
    steering_.end(record->flow());
    record->end();
    record->destroy();
}

}  // namespace husk::net
