// SPDX-License-Identifier: Apache-2.0
// The guest's driver of a disk against a device that lies: it may only touch what belongs to requests under way, each
// request is answered once, and a lie about what is used is the end and nothing else.
#include "guest-runtime/drivers/virtio_block.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <vector>

#include "guest-runtime/base/heap.hpp"
#include "guest-runtime/fs/block/blocking.hpp"
#include "tests/fuzz/driver_memory.hpp"

using namespace husk;
using block::Operation;
using fuzz::address_of;
using fuzz::demand;
using fuzz::Input;
using fuzz::is_allocated;
namespace virtio = abi::virtio;

namespace {

class BlockKind final : public fuzz::DeviceKind {
public:
    BlockKind() : DeviceKind(virtio::DeviceId::block, virtio::block_driver_features) {}

    std::uint32_t read_config(Input& input, std::uint64_t offset, unsigned width) override {
        demand(width == (offset == offsetof(virtio::BlockConfig, physical_block_exponent) ? 1u : 4u));
        constexpr std::array<std::uint32_t, 8> usual{0, 1, 3, 512, 4096, 126, 1u << 30, 4097};
        const std::uint8_t choice = input.byte();
        if (offset == offsetof(virtio::BlockConfig, capacity_sectors) && choice % 4 != 0) return 4096;
        if (offset == offsetof(virtio::BlockConfig, block_bytes) && choice % 4 != 0) return 512;
        return choice % 16 == 15 ? input.any() : usual[choice / 16 % usual.size()];
    }
    void scribble(Input& input, const virtio::Descriptor& to) override {
        std::memset(reinterpret_cast<void*>(to.address), to.size_bytes == 1 ? input.byte() % 4 : 0x5a, to.size_bytes);
    }
};

// One of the application's, with its memory.
class Request final : public block::BlockRequest {
public:
    static constexpr std::size_t most_pieces = 140, most_bytes = 4096;

    Request(Input& input, std::uint64_t block_bytes) {
        operation = std::array{Operation::read,    Operation::write,        Operation::flush,
                               Operation::discard, Operation::write_zeroes, Operation::read_serial}[input.byte() % 6];
        const std::size_t count = operation == Operation::read_serial ? 1
                                  : operation <= Operation::write     ? 1u + input.byte() % most_pieces
                                                                      : 0;
        for (std::size_t i = 0; i < count; ++i) {
            const std::uint64_t size = operation == Operation::read_serial
                                           ? virtio::block_serial_bytes
                                           : std::min<std::uint64_t>(most_bytes, block_bytes * (1u + i % 8));
            void* memory = heap::allocate(size);
            pieces_.push_back({{address_of(memory)}, size});
            size_bytes += size;
        }
        if (count == 0 && operation != Operation::flush) size_bytes = block_bytes * (1u + input.byte());
        offset = operation == Operation::flush || count == 1 ? 0 : block_bytes * input.byte();
        pieces = pieces_;
    }
    void on_done() override {
        demand(!is_done);
        is_done = true;
        for (const block::Piece& piece : pieces_)
            heap::release(reinterpret_cast<void*>(piece.begin.value), piece.size_bytes);
    }
    bool is_done = false;

private:
    std::vector<block::Piece> pieces_;
};

}  // namespace

// Nobody waits here.
namespace husk::block {
Result<> transfer(BlockDevice&, Operation, std::uint64_t, std::span<const Piece>) { return Errno::eio; }
}  // namespace husk::block

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Input input(std::span(data, size));
    BlockKind kind;
    fuzz::HostileDevice hostile(input, kind);
    fuzz::attached_device = &hostile;
    auto driver = std::make_unique<VirtioBlock>(VirtioTransport(hostile.record()), 0);
    std::vector<std::unique_ptr<Request>> requests;
    try {
        bool runs = driver->start().ok();
        while (runs && !input.is_over()) {
            switch (input.byte() % 3) {
                case 0:
                    requests.push_back(std::make_unique<Request>(input, driver->logical_block_bytes()));
                    driver->submit(*requests.back());
                    break;
                case 1:
                    driver->reap();
                    break;
                default:
                    hostile.step();
            }
        }
        // What an honest device has answered is over, and nothing is forgotten.
        if (runs && !hostile.has_lied()) {
            driver->reap();
            const bool is_waiting = std::ranges::any_of(requests, [](const auto& one) { return !one->is_done; });
            demand(driver->is_busy() == is_waiting);
        }
    } catch (const fuzz::Panic&) {
        demand(hostile.has_lied());
    }
    driver.reset();
    fuzz::attached_device = nullptr;
    fuzz::free_driver_memory();
    return 0;
}
