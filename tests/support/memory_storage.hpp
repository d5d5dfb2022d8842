// SPDX-License-Identifier: Apache-2.0
// A disk for tests: bytes in memory, that can fail or take their time.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "launcher/backend/pool_engine.hpp"
#include "launcher/backend/storage.hpp"

namespace husk::test {

// What tests look at while the device has the storage.
struct MemoryDisk {
    explicit MemoryDisk(std::size_t size_bytes) : bytes(size_bytes, '.') {}
    std::mutex mutex;
    std::string bytes;
    std::atomic<int> flushes = 0;
    std::atomic<int> error = 0;  // of every operation
    std::atomic<int> delay_ms = 0;
};

class MemoryStorage final : public backend::Storage {
public:
    explicit MemoryStorage(MemoryDisk& disk) : disk_(disk) {}

    [[nodiscard]] std::uint64_t size_bytes() const override { return disk_.bytes.size(); }
    [[nodiscard]] int read(std::uint64_t offset, std::span<iovec> pieces) override {
        return transfer(offset, pieces,
                        [](char* disk, void* guest, std::size_t size) { std::memcpy(guest, disk, size); });
    }
    [[nodiscard]] int write(std::uint64_t offset, std::span<iovec> pieces) override {
        return transfer(offset, pieces,
                        [](char* disk, void* guest, std::size_t size) { std::memcpy(disk, guest, size); });
    }
    [[nodiscard]] int flush() override {
        ++disk_.flushes;
        return disk_.error;
    }
    [[nodiscard]] int discard(std::uint64_t offset, std::uint64_t size_bytes) override {
        return fill(offset, size_bytes, 'd');
    }
    [[nodiscard]] int write_zeroes(std::uint64_t offset, std::uint64_t size_bytes, bool may_unmap) override {
        return fill(offset, size_bytes, may_unmap ? 'u' : 'z');
    }
    [[nodiscard]] std::unique_ptr<backend::IoEngine> make_engine() override {
        return std::make_unique<backend::PoolEngine>(*this);
    }

private:
    template <class Copy>
    int transfer(std::uint64_t offset, std::span<iovec> pieces, Copy copy) {
        if (disk_.delay_ms != 0) std::this_thread::sleep_for(std::chrono::milliseconds(disk_.delay_ms));
        const std::lock_guard lock(disk_.mutex);
        for (const iovec& piece : pieces) {
            require(offset, piece.iov_len);
            copy(disk_.bytes.data() + offset, piece.iov_base, piece.iov_len);
            offset += piece.iov_len;
        }
        return disk_.error;
    }
    int fill(std::uint64_t offset, std::uint64_t size, char with) {
        const std::lock_guard lock(disk_.mutex);
        require(offset, size);
        disk_.bytes.replace(offset, size, size, with);
        return disk_.error;
    }
    // The device must not come here with anything else.
    void require(std::uint64_t offset, std::uint64_t size) const {
        if (offset > disk_.bytes.size() || size > disk_.bytes.size() - offset) std::abort();
    }

    MemoryDisk& disk_;
};

}  // namespace husk::test
