// SPDX-License-Identifier: Apache-2.0
// A disk in memory for unit tests: answers at once or when told to, fails where told to, and remembers what a loss of
// power could take away.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "guest-runtime/fs/block/block_device.hpp"

namespace husk::test {

class MemoryBlockDevice final : public block::BlockDevice {
public:
    explicit MemoryBlockDevice(std::uint64_t size_bytes, std::uint32_t logical_block_bytes = 512);
    explicit MemoryBlockDevice(std::vector<std::byte> contents, std::uint32_t logical_block_bytes = 512);

    [[nodiscard]] std::string_view name() const override { return "mem0"; }
    [[nodiscard]] std::uint64_t size_bytes() const override { return contents_.size(); }
    [[nodiscard]] std::uint32_t logical_block_bytes() const override { return logical_block_bytes_; }
    [[nodiscard]] bool is_read_only() const override { return read_only; }
    [[nodiscard]] std::uint64_t max_discard_bytes() const override { return 1 << 30; }
    [[nodiscard]] std::uint64_t max_write_zeroes_bytes() const override { return 1 << 30; }

    // What reads see now.
    [[nodiscard]] std::vector<std::byte>& contents() { return contents_; }

    bool read_only = false;
    // Asked before a request is carried out; an errno makes it fail.
    std::function<std::optional<Errno>(const block::BlockRequest&)> fail;

    // With hold set, requests wait for answer_one(), which takes the one at `index` of the waiting ones.
    bool hold = false;
    [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }
    [[nodiscard]] const block::BlockRequest& waiting_at(std::size_t index) const { return *waiting_[index]; }
    void answer_one(std::size_t index = 0);
    void answer_all();

    // Writes in the order of their answers, since the last flush that was answered: a crash may keep any of them.
    struct Write {
        std::uint64_t offset;
        std::vector<std::byte> bytes;
    };
    [[nodiscard]] const std::vector<Write>& unflushed() const { return unflushed_; }
    // The contents as the last flush made them stable.
    [[nodiscard]] const std::vector<std::byte>& stable() const { return stable_; }

    std::uint64_t reads = 0, writes = 0, flushes = 0;

protected:
    void start(List<block::BlockRequest>& requests) override;

private:
    void carry_out(block::BlockRequest& request);
    void store(std::uint64_t offset, std::vector<std::byte> bytes);

    std::vector<std::byte> contents_;
    std::vector<std::byte> stable_;
    std::vector<Write> unflushed_;
    std::vector<block::BlockRequest*> waiting_;
    std::uint32_t logical_block_bytes_;
};

}  // namespace husk::test
