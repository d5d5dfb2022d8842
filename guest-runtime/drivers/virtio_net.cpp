// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/drivers/virtio_net.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>

#include "guest-runtime/base/heap.hpp"
#include "guest-runtime/base/panic.hpp"
#include "guest-runtime/base/random.hpp"
#include "guest-runtime/memory/frames.hpp"
#include "guest-runtime/thread/scheduler.hpp"

namespace husk {

namespace virtio = abi::virtio;
namespace bit = virtio::net_feature;

namespace {

constexpr std::uint16_t ethernet_mtu = 1500, least_mtu = 68, largest_mtu = 65521;

}  // namespace

VirtioNet::~VirtioNet() {
    for (NetQueuePair* pair : pairs_) delete pair;
}

void VirtioNet::learn_facts() {
    if (transport_.has(bit::mac)) {
        for (std::uint32_t i = 0; i < facts_.mac.size(); ++i)
            facts_.mac[i] = transport_.read_config8(offsetof(virtio::NetConfig, mac) + i);
    } else {
        fill_random(std::as_writable_bytes(std::span(facts_.mac)));
        facts_.mac[0] = static_cast<std::uint8_t>((facts_.mac[0] & 0xfe) | 0x02);  // its own, for one receiver
    }
    std::uint16_t mtu = transport_.has(bit::mtu) ? transport_.read_config16(offsetof(virtio::NetConfig, mtu)) : 0;
    facts_.mtu = mtu >= least_mtu && mtu <= largest_mtu ? mtu : ethernet_mtu;
    if (!transport_.has(bit::mrg_rxbuf)) facts_.mtu = std::min(facts_.mtu, NetQueuePair::mtu_of_one_buffer);
    facts_.completes_checksums = transport_.has(bit::csum);
    facts_.cuts_ipv4 = facts_.completes_checksums && transport_.has(bit::host_tso4);
    facts_.cuts_ipv6 = facts_.completes_checksums && transport_.has(bit::host_tso6);
    reports_link_ = transport_.has(bit::status);
}

// A pair for each vCPU, when the device has as many and a queue to ask for them.
Result<> VirtioNet::add_pairs(std::uint32_t offered_pairs) {
    std::uint32_t wanted = std::min({offered_pairs, thread::vcpu_count(), most_pairs});
    for (; pair_count_ < wanted; ++pair_count_) {
        auto* pair = new (std::nothrow) NetQueuePair;
        if (pair == nullptr) return Errno::enomem;
        pairs_[pair_count_] = pair;
        bool has_both = HUSK_TRY(transport_.add_queue(receive_index(pair_count_), pair->receive_queue)) &&
                        HUSK_TRY(transport_.add_queue(send_index(pair_count_), pair->send_queue));
        if (!has_both) break;
    }
    if (pair_count_ == 0) return Errno::eio;
    control_index_ = 2 * offered_pairs;  // behind all that there may be [virtio 5.1.2]
    bool can_ask = pair_count_ == 1 || HUSK_TRY(transport_.add_queue(control_index_, control_queue_));
    if (!can_ask) pair_count_ = 1;
    return {};
}

// Large frames come only to a device that may use several buffers for one: each buffer is a page [virtio 5.1.6.3.1].
Result<> VirtioNet::agree() {
    constexpr std::uint64_t large_frames = bit::guest_tso4 | bit::guest_tso6;
    HUSK_TRY(transport_.begin(virtio::net_driver_features));
    bool fits = transport_.has(bit::mrg_rxbuf) || !transport_.has(large_frames);
    return fits ? Result<>() : transport_.begin(virtio::net_driver_features & ~large_frames);
}

Result<> VirtioNet::start() {
    HUSK_TRY(agree());
    learn_facts();
    bool has_several = transport_.has(bit::multi_queue) && transport_.has(bit::ctrl_vq);
    constexpr std::uint32_t offered_at = offsetof(virtio::NetConfig, max_queue_pairs);
    HUSK_TRY(add_pairs(has_several ? transport_.read_config16(offered_at) : 1));
    transport_.finish();
    for (std::uint32_t i = 0; i < pair_count_; ++i) {
        pairs_[i]->start({transport_.has(bit::mrg_rxbuf), transport_.has(virtio::feature::indirect_desc)});
    }
    fill();
    notify();
    if (pair_count_ > 1) ask_for_pairs();
    return {};
}

void VirtioNet::ask_for_pairs() {
    void* memory = heap::allocate(sizeof(ControlRoom));
    if (memory == nullptr) return;
    control_room_ =
        new (memory) ControlRoom{{virtio::net_control::class_multi_queue, virtio::net_control::multi_queue_pairs_set},
                                 static_cast<std::uint16_t>(pair_count_),
                                 virtio::net_control::error};
    abi::GuestPhys at = memory::gpa_of(memory);
    constexpr std::uint32_t command_bytes = offsetof(ControlRoom, answer);
    static_assert(command_bytes == 4);
    const Virtqueue::Buffer buffers[] = {{at, command_bytes, false}, {at + command_bytes, 1, true}};
    (void)control_queue_.want_interrupt();
    (void)control_queue_.add(buffers);
    if (control_queue_.publish()) transport_.notify(control_index_);
}

void VirtioNet::hear_answer() {
    if (control_room_ == nullptr || !control_queue_.take_used()) return;
    if (control_room_->answer == virtio::net_control::ok) used_pairs_ = pair_count_;
    heap::release(control_room_, sizeof(ControlRoom));
    control_room_ = nullptr;
}

void VirtioNet::fill() {
    for (std::uint32_t i = 0; i < pair_count_; ++i) {
        if (pairs_[i]->fill()) notify_later(receive_index(i));
    }
}

void VirtioNet::refill() {
    if (!is_given_up_) fill();
}

Result<> VirtioNet::send(const net::OutgoingFrame& frame) {
    if (is_given_up_ || frame.pieces.empty()) return Errno::enobufs;
    return pairs_[frame.queue_pair]->send(frame);
}

void VirtioNet::flush() {
    for (std::uint32_t i = 0; i < pair_count_; ++i) {
        if (pairs_[i]->send_queue.publish()) notify_later(send_index(i));
    }
}

void VirtioNet::notify() {
    if (to_notify_.load(std::memory_order_relaxed) == 0) return;
    for (std::uint32_t rest = to_notify_.exchange(0, std::memory_order_relaxed); rest != 0; rest &= rest - 1) {
        transport_.notify(static_cast<std::uint32_t>(std::countr_zero(rest)));
    }
}

void VirtioNet::look_at_link(net::FrameSink& sink) {
    if (!reports_link_) return;
    std::uint16_t status = transport_.read_config16(offsetof(virtio::NetConfig, status));
    bool is_up = (status & virtio::net_status::link_up) != 0;
    if (is_up == link_is_up_) return;
    link_is_up_ = is_up;
    sink.on_link(is_up);
}

bool VirtioNet::give_up_if_broken(net::FrameSink& sink) {
    auto broken = [](const NetQueuePair* pair) { return pair->is_broken(); };
    if (is_given_up_) return true;
    is_given_up_ = control_queue_.is_broken() || std::any_of(pairs_.begin(), pairs_.begin() + pair_count_, broken);
    if (!is_given_up_) return false;
    log_line("a network device used buffers that it was not given: its link is down from now on");
    // Its memory is taken back only if it lets go.
    if (transport_.try_abandon()) {
        for (std::uint32_t i = 0; i < pair_count_; ++i) pairs_[i]->abandon(sink);
        to_notify_.store(0, std::memory_order_relaxed);
    }
    sink.on_link(false);
    return true;
}

void VirtioNet::collect(net::FrameSink& sink) {
    // The vCPU's own pair first: its frames wake threads that ran here.
    std::uint32_t own = thread::vcpu_index() % pair_count_;
    while (!is_given_up_) {
        hear_answer();
        for (std::uint32_t i = 0; i < pair_count_; ++i) pairs_[(own + i) % pair_count_]->collect(sink);
        fill();
        flush();
        bool has_more = false;
        for (std::uint32_t i = 0; i < pair_count_; ++i) has_more = pairs_[i]->want_interrupts() || has_more;
        if (!has_more) break;
        // More may come for as long as the line is busy: neither the device nor who has got something waits for the
        // end.
        notify();
        thread::ring_postponed();
    }
    if (!give_up_if_broken(sink)) look_at_link(sink);
}

}  // namespace husk
