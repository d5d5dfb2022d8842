// SPDX-License-Identifier: Apache-2.0
// The guest's driver of a network device against a device that lies: registers and configuration that change, used
// elements of chains that were not given, lengths and headers of any value. What the driver hands on is memory that is
// there, and belongs to whoever has it.
#include "guest-runtime/drivers/virtio_net.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <new>
#include <source_location>
#include <vector>

#include <husk/abi/memory_layout.hpp>

#include "guest-runtime/arch/mmio.hpp"
#include "guest-runtime/base/heap.hpp"
#include "guest-runtime/base/panic.hpp"
#include "guest-runtime/base/random.hpp"
#include "guest-runtime/memory/frames.hpp"
#include "guest-runtime/thread/scheduler.hpp"

using namespace husk;
namespace virtio = abi::virtio;
using virtio::Register;

namespace {

class Input {
public:
    explicit Input(std::span<const std::uint8_t> bytes) : left_(bytes) {}
    [[nodiscard]] bool is_over() const { return left_.empty(); }
    std::uint8_t byte() {
        if (left_.empty()) return 0;
        const std::uint8_t value = left_.front();
        left_ = left_.subspan(1);
        return value;
    }
    std::uint16_t word() { return static_cast<std::uint16_t>(byte() << 8 | byte()); }
    std::uint32_t any() { return std::uint32_t{word()} << 16 | word(); }

private:
    std::span<const std::uint8_t> left_;
};

// The memory of the guest's that the driver has, by address; whatever is left at the end was the driver's own.
std::map<std::uintptr_t, std::size_t> blocks;

std::uintptr_t address_of(const void* pointer) { return reinterpret_cast<std::uintptr_t>(pointer); }

bool is_allocated(std::uintptr_t begin, std::size_t size_bytes) {
    auto behind = blocks.upper_bound(begin);
    if (behind == blocks.begin()) return false;
    const auto& [block, block_bytes] = *std::prev(behind);
    return begin + size_bytes <= block + block_bytes;
}

void demand(bool holds) {
    if (!holds) std::abort();
}

// The device: it knows what a queue is, and says about it what the input says.
class HostileDevice {
public:
    static constexpr std::size_t queue_count = 17;

    explicit HostileDevice(Input& from) : input_(from), chooses_freely_((input_.byte() & 1) != 0) {
        size_max_ = std::array<std::uint16_t, 8>{256, 8, 1, 0, 3, 1024, 16, 256}[input_.byte() % 8];
        features_ =
            virtio::net_driver_features & ~(std::uint64_t{input_.any() & 0x3f'ffff} & virtio::net_driver_features);
        max_pairs_ = input_.word() % 3 == 0 ? input_.word() : 2;
    }

    std::uint32_t read(std::uint64_t offset) {
        if (chooses_freely_ && input_.byte() == 0xee) return input_.any();
        switch (static_cast<Register>(offset)) {
            case Register::magic_value:
                return virtio::magic;
            case Register::version:
                return virtio::version_modern;
            case Register::device_id:
                return 1;
            case Register::device_features:
                return static_cast<std::uint32_t>(features_ >> (32 * (feature_half_ & 1)));
            case Register::queue_num_max:
                return selected_ < queue_count ? size_max_ : 0;
            case Register::status:
                return status_;
            case Register::config_generation:
                return chooses_freely_ ? ++generation_ : generation_;
            default:
                return static_cast<std::uint32_t>(offset);
        }
    }
    std::uint16_t read16(std::uint64_t offset) {
        switch (offset - static_cast<std::uint64_t>(Register::config)) {
            case offsetof(virtio::NetConfig, max_queue_pairs):
                return max_pairs_;
            default:
                return input_.word();
        }
    }

    void write(std::uint64_t offset, std::uint32_t value) {
        const auto set = [value](std::uint64_t& address, bool high) {
            address = high ? (address & UINT32_MAX) | std::uint64_t{value} << 32
                           : (address & ~std::uint64_t{UINT32_MAX}) | value;
        };
        switch (static_cast<Register>(offset)) {
            case Register::status:
                status_ = value;
                if (value == 0) queues_ = {};
                return;
            case Register::device_features_sel:
                feature_half_ = value;
                return;
            case Register::queue_sel:
                selected_ = value;
                return;
            case Register::queue_num:
                queue().size = value;
                return;
            case Register::queue_desc_low:
            case Register::queue_desc_high:
                return set(queue().descriptors, offset == 0x84);
            case Register::queue_driver_low:
            case Register::queue_driver_high:
                return set(queue().available, offset == 0x94);
            case Register::queue_device_low:
            case Register::queue_device_high:
                return set(queue().used, offset == 0xa4);
            default:
                return;
        }
    }

    void step() {
        Queue& queue = queues_[input_.byte() % (input_.byte() % 4 == 0 ? queue_count : 4)];
        if (queue.size == 0) return;
        take_available(queue);
        switch (input_.byte() % 8) {
            case 0:  // an index from nowhere
                queue.has_lied = true;
                return store_index(queue, static_cast<std::uint16_t>(queue.used_index + input_.word() % 600));
            case 1:  // a head from nowhere
                queue.has_lied = true;
                return use(queue, input_.byte() % 2 == 0 ? input_.any() : input_.byte(), input_.any());
            case 2:
                store<std::uint16_t>(queue.used, input_.word());  // flags
                return store<std::uint16_t>(queue.used + 4 + 8ull * queue.size, input_.word());
            default:
                break;
        }
        // What it should do, but for the length and the bytes.
        for (unsigned count = 1u + input_.byte() % 20; count != 0 && !queue.taken.empty(); --count) {
            const std::size_t at = input_.byte() % queue.taken.size();
            const std::uint16_t head = queue.taken[at];
            queue.taken.erase(queue.taken.begin() + static_cast<std::ptrdiff_t>(at));
            use(queue, head, fill(queue, head));
        }
    }

private:
    struct Queue {
        std::uint32_t size = 0;
        std::uint64_t descriptors = 0, available = 0, used = 0;
        std::uint16_t seen = 0, used_index = 0;
        std::deque<std::uint16_t> taken;
        bool has_lied = false;  // about what is used: by luck of a chain that the driver has then taken back
    };

    Queue& queue() { return queues_[std::min<std::size_t>(selected_, queue_count)]; }
    template <class T>
    static void store(std::uint64_t at, T value) {
        demand(is_allocated(at, sizeof value));
        std::memcpy(reinterpret_cast<void*>(at), &value, sizeof value);
    }
    template <class T>
    static T load(std::uint64_t at) {
        T value;
        demand(is_allocated(at, sizeof value));
        std::memcpy(&value, reinterpret_cast<const void*>(at), sizeof value);
        return value;
    }

    static void take_available(Queue& queue) {
        const auto index = load<std::uint16_t>(queue.available + 2);
        for (; queue.seen != index; ++queue.seen)
            queue.taken.push_back(load<std::uint16_t>(queue.available + 4 + 2ull * (queue.seen % queue.size)));
    }
    void store_index(Queue& queue, std::uint16_t index) {
        queue.used_index = index;
        store(queue.used + 2, index);
    }
    void use(Queue& queue, std::uint32_t head, std::uint32_t written) {
        store(queue.used + 4 + 8ull * (queue.used_index % queue.size), virtio::UsedElement{head, written});
        store_index(queue, static_cast<std::uint16_t>(queue.used_index + 1));
    }
    // Walks a chain of the driver's, which must be right as long as the device is: every buffer is the driver's memory.
    // Returns what length it says.
    std::uint32_t fill(const Queue& queue, std::uint16_t head) {
        demand(head < queue.size);
        if (!queue.has_lied) walk(queue.descriptors, queue.size, head);
        return input_.byte() % 4 == 0 ? input_.any() : input_.word() % 4200;
    }
    void walk(std::uint64_t table, std::uint32_t size, std::uint16_t first) {
        std::uint16_t at = first;
        for (std::uint32_t count = 0;; ++count) {
            demand(count < size && at < size);
            const auto descriptor = load<virtio::Descriptor>(table + at * sizeof(virtio::Descriptor));
            demand(is_allocated(descriptor.address, descriptor.size_bytes));
            if ((descriptor.flags & virtio::descriptor_flag::indirect) != 0)
                return walk(descriptor.address, descriptor.size_bytes / sizeof(virtio::Descriptor), 0);
            if ((descriptor.flags & virtio::descriptor_flag::write) != 0) scribble(descriptor);
            if ((descriptor.flags & virtio::descriptor_flag::next) == 0) return;
            at = descriptor.next;
        }
    }
    void scribble(const virtio::Descriptor& descriptor) {
        auto* to = reinterpret_cast<std::uint8_t*>(descriptor.address);
        virtio::NetHeader header{};
        header.flags = input_.byte();
        header.segmentation = input_.byte();
        header.segment_bytes = input_.word();
        header.csum_start = input_.word();
        header.csum_offset = input_.word();
        header.buffer_count = input_.byte() % 2 == 0 ? 1 : input_.word() % 24;
        std::memcpy(to, &header, std::min<std::size_t>(sizeof header, descriptor.size_bytes));
    }

    Input& input_;
    bool chooses_freely_;
    std::uint64_t features_;
    std::uint16_t max_pairs_ = 2, size_max_ = 256;
    std::uint32_t status_ = 0, feature_half_ = 0, selected_ = 0, generation_ = 0;
    std::array<Queue, queue_count + 1> queues_{};  // the last for what is written to none
};

HostileDevice* device = nullptr;
std::uint64_t offset_of(std::uint64_t address) { return address - abi::physmap_base - abi::device_registers_base; }

// Like the stack: holds buffers for a while, and looks at every byte.
class Sink final : public net::FrameSink {
public:
    explicit Sink(Input& input) : input_(input) {}
    void on_frame(std::span<const net::IncomingPiece> pieces, bool) override {
        demand(!pieces.empty());
        for (const net::IncomingPiece& piece : pieces) {
            demand(is_allocated(address_of(piece.data), piece.size_bytes));
            for (std::size_t i = 0; i < piece.size_bytes; ++i) sum_ += std::to_integer<unsigned>(piece.data[i]);
            held_.push_back(piece.buffer);
        }
        if (input_.byte() % 4 != 0) release();
    }
    void on_sent(void* token) override {
        demand(sent_.erase(address_of(token)) == 1);  // once each
        heap::release(token, frame_bytes);
    }
    void on_link(bool) override {}
    void release() {
        for (net::ReceivedBuffer* buffer : held_) buffer->release();
        held_.clear();
    }

    static constexpr std::size_t frame_bytes = 4096;
    void send(VirtioNet& driver) {
        auto* memory = static_cast<std::byte*>(heap::allocate(frame_bytes));
        std::array<net::FramePiece, 70> pieces;
        const std::size_t count = 1u + input_.byte() % pieces.size();
        for (std::size_t i = 0; i < count; ++i) pieces[i] = {memory + i * 50, 50};
        net::OutgoingFrame frame{std::span(pieces).first(count), input_.word(), input_.word(), memory};
        frame.queue_pair = input_.byte() % driver.queue_pairs();
        frame.segment_bytes = input_.word();
        if (driver.send(frame).ok()) {
            sent_.emplace(address_of(memory), true);
        } else {
            heap::release(memory, frame_bytes);
        }
    }
    void forget() {
        release();
        sent_.clear();
    }

private:
    Input& input_;
    std::vector<net::ReceivedBuffer*> held_;
    std::map<std::uintptr_t, bool> sent_;
    unsigned sum_ = 0;
};

}  // namespace

namespace husk {

std::uint8_t arch::read_mmio8(std::uint64_t address) {
    return static_cast<std::uint8_t>(device->read16(offset_of(address)));
}
std::uint16_t arch::read_mmio16(std::uint64_t address) { return device->read16(offset_of(address)); }
std::uint32_t arch::read_mmio32(std::uint64_t address) { return device->read(offset_of(address)); }
void arch::write_mmio32(std::uint64_t address, std::uint32_t value) { device->write(offset_of(address), value); }

std::uint64_t memory::hosted_ram_base = 0;

void* heap::allocate(std::size_t size_bytes) {
    void* block = std::aligned_alloc(64, abi::align_up(size_bytes, 64));
    std::memset(block, 0xa5, size_bytes);
    blocks[address_of(block)] = size_bytes;
    return block;
}
void heap::release(void* block, std::size_t size_bytes) {
    const auto found = blocks.find(address_of(block));
    demand(found != blocks.end() && found->second == size_bytes);
    blocks.erase(found);
    std::free(block);
}

void fill_random(std::span<std::byte> to) { std::ranges::fill(to, std::byte{7}); }
void log_line(std::string_view) {}
void panic(std::string_view, std::source_location) { std::abort(); }
std::uint32_t thread::vcpu_count() { return 4; }
std::uint32_t thread::vcpu_index() { return 3; }

}  // namespace husk

extern "C" const char* __asan_default_options() { return "detect_leaks=0"; }  // a device lives as long as its VM

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Input input(std::span(data, size));
    HostileDevice hostile(input);
    device = &hostile;
    abi::DeviceRecord record{};
    record.registers = abi::device_registers_base;
    record.device = virtio::DeviceId::net;
    auto driver = std::make_unique<VirtioNet>(VirtioTransport(record));
    Sink sink(input);
    if (driver->start().ok()) {
        while (!input.is_over()) {
            switch (input.byte() % 4) {
                case 0:
                    sink.send(*driver);
                    break;
                case 1:
                    driver->flush();
                    driver->collect(sink);
                    break;
                case 2:
                    sink.release();
                    break;
                default:
                    hostile.step();
            }
        }
        driver->collect(sink);
    }
    sink.forget();
    driver.reset();
    device = nullptr;
    for (const auto& [address, size_bytes] : std::exchange(blocks, {})) std::free(reinterpret_cast<void*>(address));
    return 0;
}
