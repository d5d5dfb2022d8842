// SPDX-License-Identifier: Apache-2.0
#include "tests/support/guest_fakes/memory_block_device.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "guest-runtime/memory/frames.hpp"

namespace husk::test {

using block::BlockRequest;
using block::Operation;
using block::Piece;

MemoryBlockDevice::MemoryBlockDevice(std::uint64_t size_bytes, std::uint32_t logical_block_bytes)
    : MemoryBlockDevice(std::vector<std::byte>(size_bytes), logical_block_bytes) {}

MemoryBlockDevice::MemoryBlockDevice(std::vector<std::byte> contents, std::uint32_t logical_block_bytes)
    : contents_(std::move(contents)), stable_(contents_), logical_block_bytes_(logical_block_bytes) {}

void MemoryBlockDevice::start(List<BlockRequest>& requests) {
    while (BlockRequest* request = requests.pop_front()) {
        if (hold) {
            waiting_.push_back(request);
        } else {
            carry_out(*request);
        }
    }
}

void MemoryBlockDevice::answer_one(std::size_t index) {
    BlockRequest* request = waiting_.at(index);
    waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(index));
    carry_out(*request);
}

void MemoryBlockDevice::answer_all() {
    while (!waiting_.empty()) answer_one();
}

void MemoryBlockDevice::store(std::uint64_t offset, std::vector<std::byte> bytes) {
    std::copy(bytes.begin(), bytes.end(), contents_.begin() + static_cast<std::ptrdiff_t>(offset));
    unflushed_.push_back({offset, std::move(bytes)});
}

void MemoryBlockDevice::carry_out(BlockRequest& request) {
    if (fail) request.error = fail(request);
    if (request.error) return request.on_done();
    if (request.operation == Operation::flush) {
        ++flushes;
        for (const Write& write : std::exchange(unflushed_, {})) {
            std::copy(write.bytes.begin(), write.bytes.end(),
                      stable_.begin() + static_cast<std::ptrdiff_t>(write.offset));
        }
    } else if (request.operation == Operation::discard || request.operation == Operation::write_zeroes) {
        store(request.offset, std::vector<std::byte>(request.size_bytes));
    } else {
        std::uint64_t offset = request.offset;
        bool is_read = request.operation == Operation::read;
        (is_read ? reads : writes) += 1;
        for (const Piece& piece : request.pieces) {
            auto* memory = memory::frame_pointer<std::byte>(piece.begin);
            if (is_read) {
                std::memcpy(memory, contents_.data() + offset, piece.size_bytes);
            } else {
                store(offset, std::vector<std::byte>(memory, memory + piece.size_bytes));
            }
            offset += piece.size_bytes;
        }
    }
    request.on_done();
}

}  // namespace husk::test
