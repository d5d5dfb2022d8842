// SPDX-License-Identifier: Apache-2.0
// A block device under a hostile driver: the input is guest memory, with a queue and requests in it, and what the
// driver changes while the device works: bytes of memory, registers, a reset in mid-flight.
//
// byte 0: bit 0 read-only, bit 1 not handed over, so that the driver has to negotiate; then the memory from ring_begin
// on, at most memory_input_bytes; then changes of 4 bytes and more: offset (2 bytes), length (1 byte), bytes of memory;
// from offset register_changes on a write of up to 8 bytes to a register at a quarter of the difference.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "launcher/devices/block_device.hpp"
#include "launcher/host/event_fd.hpp"
#include "launcher/memory/guest_memory.hpp"
#include "launcher/virtio/mmio_transport.hpp"

using namespace husk;
using abi::virtio::Register;

namespace {

constexpr std::uint64_t memory_bytes = 4 << 20;
constexpr std::uint64_t ring_begin = 4096;
constexpr std::size_t memory_input_bytes = 8192;
constexpr std::uint32_t queue_size = 16;
constexpr std::size_t register_changes = 0xc000;
constexpr std::uint64_t disk_bytes = 64 << 10;

const memory::GuestMemory& guest_memory() {
    static const auto memory = memory::GuestMemory::create(memory_bytes, config::HugePages::off);
    return memory;
}

void require(bool truth) {
    if (!truth) std::abort();
}

// Takes only what lies on the disk, and in guest memory.
class Disk final : public backend::Storage {
public:
    explicit Disk(bool read_only) : read_only_(read_only) {}
    [[nodiscard]] std::uint64_t size_bytes() const override { return disk_bytes; }
    [[nodiscard]] int read(std::uint64_t offset, std::span<iovec> pieces) override {
        for (const iovec& piece : pieces) {
            check(offset, piece);
            std::memset(piece.iov_base, 0x55, piece.iov_len);
            offset += piece.iov_len;
        }
        return 0;
    }
    [[nodiscard]] int write(std::uint64_t offset, std::span<iovec> pieces) override {
        require(!read_only_);
        for (const iovec& piece : pieces) {
            check(offset, piece);
            offset += piece.iov_len;
        }
        return 0;
    }
    [[nodiscard]] int flush() override { return 0; }
    [[nodiscard]] int discard(std::uint64_t offset, std::uint64_t size) override { return change(offset, size); }
    [[nodiscard]] int write_zeroes(std::uint64_t offset, std::uint64_t size, bool) override {
        return change(offset, size);
    }
    [[nodiscard]] std::unique_ptr<backend::IoEngine> make_engine() override;

private:
    int change(std::uint64_t offset, std::uint64_t size) const {
        require(!read_only_ && offset <= disk_bytes && size <= disk_bytes - offset);
        return 0;
    }
    static void check(std::uint64_t offset, const iovec& piece) {
        require(offset <= disk_bytes && piece.iov_len <= disk_bytes - offset);
        const std::span<std::byte> ram = guest_memory().try_span({0}, memory_bytes);
        const auto* const begin = static_cast<const std::byte*>(piece.iov_base);
        require(begin >= ram.data() && begin + piece.iov_len <= ram.data() + ram.size());
    }
    bool read_only_;
};

// Leaves every other operation under way until it has to end.
class LazyEngine final : public backend::IoEngine {
public:
    explicit LazyEngine(Disk& disk) : disk_(disk) {}
    void submit(backend::IoRequest& request) override { pending_.push_back(&request); }
    void start() override {}
    void collect(std::vector<backend::IoRequest*>& done) override {
        const std::size_t count = must_end_ ? pending_.size() : pending_.size() / 2;
        must_end_ = false;
        for (std::size_t i = 0; i < count; ++i) {
            backend::carry_out(*pending_[i], disk_);
            done.push_back(pending_[i]);
        }
        pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(count));
    }
    void wait() override { must_end_ = true; }
    [[nodiscard]] int ready_fd() const override { return ready_.get(); }
    [[nodiscard]] std::string_view name() const override { return "nothing"; }

private:
    Disk& disk_;
    host::EventFd ready_;
    std::vector<backend::IoRequest*> pending_;
    bool must_end_ = false;
};

std::unique_ptr<backend::IoEngine> Disk::make_engine() { return std::make_unique<LazyEngine>(*this); }

class Host final : public virtio::TransportHost {
public:
    void on_device_news(std::uint32_t) override {}
    void on_device_note(const std::string&) override {}
    void on_device_fault(const std::string& sentence) override { require(sentence.starts_with("device vda: ")); }
    void on_device_breakdown(const std::string&) override { require(false); }
};

void write_register(virtio::MmioTransport& transport, Register at, std::uint32_t value) {
    transport.on_write(static_cast<std::uint64_t>(at), std::as_bytes(std::span(&value, 1)));
}

void change(virtio::MmioTransport& transport, std::size_t offset, std::span<const std::byte> bytes) {
    if (offset >= register_changes) {
        const std::size_t at = (offset - register_changes) / 4;
        const std::size_t count = std::min<std::size_t>(bytes.size(), 8);
        if (count != 0 && at + count <= virtio::RegisterPage::size_bytes) transport.on_write(at, bytes.first(count));
        return;
    }
    static_cast<void>(guest_memory().copy_out({ring_begin + offset}, bytes));
    write_register(transport, Register::queue_notify, 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    auto input = std::as_bytes(std::span(data, size));
    const auto choices = std::to_integer<unsigned>(input[0]);
    input = input.subspan(1);
    const std::span<std::byte> ram = guest_memory().try_span({0}, memory_bytes);
    std::ranges::fill(ram.first(ring_begin + register_changes + 256), std::byte{0});
    const std::size_t image_bytes = std::min(input.size(), memory_input_bytes);
    std::ranges::copy(input.first(image_bytes), ram.begin() + ring_begin);
    input = input.subspan(image_bytes);

    Host host;
    event::SpinFacts spin_facts;
    alignas(4096) std::array<std::byte, virtio::RegisterPage::size_bytes> page{};
    devices::BlockFacts facts;
    facts.size_bytes = disk_bytes;
    facts.read_only = (choices & 1) != 0;
    auto disk = std::make_unique<Disk>(facts.read_only);
    virtio::MmioTransport transport(
        "vda", std::make_unique<devices::BlockDevice>(facts, devices::BlockRates{}, std::move(disk), spin_facts),
        guest_memory(), page, host);
    namespace layout = abi::virtio::queue_layout;
    const virtio::QueueLayout queue{queue_size,
                                    {ring_begin},
                                    {ring_begin + layout::available_offset(queue_size)},
                                    {ring_begin + layout::used_offset(queue_size)}};
    if ((choices & 2) == 0) transport.hand_over(std::array{queue}, UINT64_MAX);
    write_register(transport, Register::queue_notify, 0);
    while (input.size() >= 3) {
        const std::size_t offset = std::to_integer<std::size_t>(input[0]) | std::to_integer<std::size_t>(input[1]) << 8;
        const std::size_t length = std::min(std::to_integer<std::size_t>(input[2]), input.size() - 3);
        change(transport, offset, input.subspan(3, length));
        input = input.subspan(3 + length);
    }
    write_register(transport, Register::status, 0);
    return 0;
}
