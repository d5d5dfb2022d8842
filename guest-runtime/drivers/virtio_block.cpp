// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/drivers/virtio_block.hpp"

#include <algorithm>
#include <cstring>
#include <new>

#include "guest-runtime/base/heap.hpp"
#include "guest-runtime/base/panic.hpp"
#include "guest-runtime/fs/block/blocking.hpp"
#include "guest-runtime/memory/frames.hpp"
#include "guest-runtime/thread/scheduler.hpp"

namespace husk {

namespace virtio = abi::virtio;
using block::BlockRequest;
using block::Operation;
using virtio::sector_bytes;

namespace {

namespace bit = virtio::block_feature;

virtio::BlockRequest type_of(Operation operation) {
    switch (operation) {
        case Operation::read:
            return virtio::BlockRequest::in;
        case Operation::write:
            return virtio::BlockRequest::out;
        case Operation::flush:
            return virtio::BlockRequest::flush;
        case Operation::discard:
            return virtio::BlockRequest::discard;
        case Operation::write_zeroes:
            return virtio::BlockRequest::write_zeroes;
        case Operation::read_serial:
            break;
    }
    return virtio::BlockRequest::get_id;
}

bool has_range(Operation operation) { return operation == Operation::discard || operation == Operation::write_zeroes; }

// vda to vdz, then vdaa.
std::size_t write_name(unsigned number, std::span<char, 8> to) {
    std::size_t size = 0;
    to[size++] = 'v';
    to[size++] = 'd';
    if (number >= 26) to[size++] = static_cast<char>('a' + number / 26 - 1);
    to[size++] = static_cast<char>('a' + number % 26);
    return size;
}

}  // namespace

VirtioBlock::VirtioBlock(const VirtioTransport& transport, unsigned number) : transport_(transport) {
    name_bytes_ = write_name(number, name_);
}

bool VirtioBlock::make_slot(Queue& queue) {
    if (queue.slots == slot_count) return false;
    auto* slot = static_cast<Slot*>(heap::allocate(sizeof(Slot)));
    if (slot == nullptr) return false;
    slot->next_free = queue.free;
    queue.free = slot;
    ++queue.slots;
    return true;
}

Result<> VirtioBlock::start() {
    queue_count_ =
        std::min<std::size_t>(HUSK_TRY(transport_.start(virtio::block_driver_features, rings_)), thread::vcpu_count());
    for (std::size_t i = 0; i < queue_count_; ++i) {
        // With one, every request is served in the end; the others come when they are wanted.
        if (!make_slot(queues_[i])) return Errno::enomem;
        (void)rings_[i].want_interrupt();
    }
    facts_ = HUSK_TRY(BlockFacts::read(transport_));
    return bound_segments();
}

// Header and status take a descriptor each, and no chain is longer than its queue [virtio 2.7.5.3.1].
Result<> VirtioBlock::bound_segments() {
    constexpr std::uint64_t largest_segment = 1u << 30;
    constexpr std::uint32_t others = 2;
    std::uint32_t room = rings_[0].size();
    for (const Virtqueue& ring : std::span(rings_).first(queue_count_)) room = std::min(room, ring.size());
    bool is_indirect = transport_.has(virtio::feature::indirect_desc);
    if (room <= others && !is_indirect) return Errno::eio;
    segments_ =
        std::min<std::size_t>(is_indirect ? max_segments : max_direct_segments, room > others ? room - others : 1);
    if (facts_.max_segments != 0) segments_ = std::min<std::size_t>(segments_, facts_.max_segments);
    segment_bytes_ =
        facts_.max_segment_bytes != 0 ? std::min(facts_.max_segment_bytes, largest_segment) : largest_segment;
    return {};
}

bool VirtioBlock::is_read_only() const { return transport_.has(bit::read_only); }
bool VirtioBlock::has_write_cache() const { return transport_.has(bit::flush); }

void VirtioBlock::start(List<BlockRequest>& requests) {
    std::size_t index = thread::vcpu_index() % queue_count_;
    Queue& queue = queues_[index];
    Guard guard(queue.lock);
    while (BlockRequest* request = requests.pop_front()) queue.waiting.push_back(*request);
    fill(index);
}

// With the queue's lock held: sends what waits as far as there is room, with one notification. All parts of a request
// are under way at the same time.
void VirtioBlock::fill(std::size_t index) {
    Queue& queue = queues_[index];
    while (BlockRequest* request = queue.waiting.front()) {
        if (!send(index, *request)) break;
        if (request->sent_bytes == request->size_bytes) request->unlink();
    }
    if (rings_[index].publish()) transport_.notify(static_cast<std::uint32_t>(index));
}

// The next part of a request: from sent_bytes on, as much as one chain takes.
std::size_t VirtioBlock::collect_data(const BlockRequest& request, std::span<Virtqueue::Buffer> buffers,
                                      std::uint64_t& part_bytes) const {
    std::uint64_t skip = request.sent_bytes;
    std::size_t count = 0;
    part_bytes = 0;
    for (const block::Piece& piece : request.pieces) {
        if (skip >= piece.size_bytes) {
            skip -= piece.size_bytes;
            continue;
        }
        for (std::uint64_t at = skip; at < piece.size_bytes;) {
            if (count == buffers.size()) return count;
            std::uint64_t size = std::min(piece.size_bytes - at, segment_bytes_);
            buffers[count++] = {piece.begin + at, static_cast<std::uint32_t>(size),
                                request.operation != Operation::write};
            part_bytes += size;
            at += size;
        }
        skip = 0;
    }
    return count;
}

bool VirtioBlock::send(std::size_t index, BlockRequest& request) {
    Queue& queue = queues_[index];
    if (queue.free == nullptr && !make_slot(queue)) return false;
    Slot& slot = *queue.free;
    slot.header = {type_of(request.operation), 0, 0};
    slot.status = virtio::block_status::io_error;
    slot.request = &request;
    abi::GuestPhys at = memory::gpa_of(&slot);

    std::array<Virtqueue::Buffer, max_segments + 2> buffers;
    buffers[0] = {at + offsetof(Slot, header), sizeof slot.header, false};
    std::size_t count = 1;
    if (has_range(request.operation)) {
        slot.range = {request.offset / sector_bytes, static_cast<std::uint32_t>(request.size_bytes / sector_bytes), 0};
        slot.part_bytes = request.size_bytes;
        buffers[count++] = {at + offsetof(Slot, range), sizeof slot.range, false};
    } else {
        bool has_place = request.operation == Operation::read || request.operation == Operation::write;
        if (has_place) slot.header.sector = (request.offset + request.sent_bytes) / sector_bytes;
        count += collect_data(request, std::span(buffers).subspan(1, segments_), slot.part_bytes);
    }
    buffers[count++] = {at + offsetof(Slot, status), 1, true};
    Slot* next_free = slot.next_free;
    if (!add_chain(index, slot, std::span(buffers).first(count))) return false;
    queue.free = next_free;
    request.sent_bytes += slot.part_bytes;
    in_flight_.fetch_add(1, std::memory_order_relaxed);
    return true;
}

bool VirtioBlock::add_chain(std::size_t index, Slot& slot, std::span<const Virtqueue::Buffer> buffers) {
    std::optional<std::uint16_t> head;
    if (transport_.has(virtio::feature::indirect_desc)) {
        for (std::size_t i = 0; i < buffers.size(); ++i) {
            std::uint16_t flags = buffers[i].device_writes ? virtio::descriptor_flag::write : 0;
            bool is_last = i + 1 == buffers.size();
            if (!is_last) flags |= virtio::descriptor_flag::next;
            slot.table[i] = {buffers[i].begin.value, buffers[i].size_bytes, flags,
                             static_cast<std::uint16_t>(is_last ? 0 : i + 1)};
        }
        abi::GuestPhys table = memory::gpa_of(&slot) + offsetof(Slot, table);
        head = rings_[index].add_indirect(table, static_cast<std::uint32_t>(buffers.size()));
    } else {
        head = rings_[index].add(buffers);
    }
    if (!head) return false;
    queues_[index].slot_of_head[*head] = &slot;
    return true;
}

// With the queue's lock held.
void VirtioBlock::take_answers(std::size_t index, List<BlockRequest>& done) {
    Queue& queue = queues_[index];
    while (auto used = rings_[index].take_used()) {
        Slot& slot = *queue.slot_of_head[used->head];
        BlockRequest& request = *slot.request;
        std::uint8_t status = slot.status;
        slot.next_free = queue.free;
        queue.free = &slot;
        in_flight_.fetch_sub(1, std::memory_order_relaxed);
        request.done_bytes += slot.part_bytes;
        if (status != virtio::block_status::ok) {
            request.error = status == virtio::block_status::unsupported ? Errno::eopnotsupp : Errno::eio;
            request.unlink();  // what was not sent yet never will be
        }
        if (request.done_bytes == request.sent_bytes && !request.is_linked()) done.push_back(request);
    }
    // What it still has would never be answered.
    if (rings_[index].is_broken()) panic("a disk's device answered what it was not asked");
}

bool VirtioBlock::reap() {
    bool any = false;
    for (std::size_t i = 0; i < queue_count_; ++i) {
        List<BlockRequest> done;
        {
            Guard guard(queues_[i].lock);
            do {
                take_answers(i, done);
            } while (rings_[i].want_interrupt());
            fill(i);
        }
        any = any || !done.empty();
        while (BlockRequest* request = done.pop_front()) request->on_done();
    }
    return any;
}

Result<std::size_t> VirtioBlock::read_serial(std::span<char> to) {
    auto* memory = static_cast<std::byte*>(heap::allocate(virtio::block_serial_bytes));
    if (memory == nullptr) return Errno::enomem;
    std::memset(memory, 0, virtio::block_serial_bytes);
    block::Piece piece{memory::gpa_of(memory), virtio::block_serial_bytes};
    auto asked = block::transfer(*this, Operation::read_serial, 0, {&piece, 1});
    std::size_t size = 0;
    while (size < virtio::block_serial_bytes && memory[size] != std::byte{0}) ++size;
    size = std::min(size, to.size());
    std::memcpy(to.data(), memory, size);
    heap::release(memory, virtio::block_serial_bytes);
    if (!asked.ok()) return asked.error();
    return size;
}

}  // namespace husk
