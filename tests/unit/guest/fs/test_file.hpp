// SPDX-License-Identifier: Apache-2.0
// A file on a test's disk: blocks anywhere, in an order of their own, with holes; and ways to read and write it.
#pragma once

#include <algorithm>
#include <cstring>
#include <map>
#include <random>
#include <set>
#include <vector>

#include <doctest/doctest.h>

#include "guest-runtime/fs/filesystem.hpp"
#include "guest-runtime/fs/inode.hpp"
#include "guest-runtime/fs/page_cache.hpp"
#include "guest-runtime/memory/frames.hpp"
#include "tests/support/guest_fakes/memory_block_device.hpp"

namespace husk::test {

class TestFilesystem final : public fs::Filesystem {
public:
    TestFilesystem() : fs::Filesystem(fs::make_device(0, 99), "test") {}
    Result<RefPtr<fs::Inode>> root() override { return Errno::enosys; }
    fs::FilesystemCounts counts() override { return {}; }
};

inline TestFilesystem test_filesystem;

// A file whose blocks lie anywhere on the device, in an order of their own; blocks that were never reserved are holes.
class TestFile final : public fs::Inode, public fs::BlockMap {
public:
    TestFile(MemoryBlockDevice& device, std::uint32_t block_bytes, unsigned seed)
        : fs::Inode(test_filesystem, fs::FileType::regular),
          device_(device),
          block_bytes_(block_bytes),
          random_(seed),
          cache(*this, *this) {}

    fs::Attributes attributes() override { return {}; }
    fs::PageCache* page_cache() override { return &cache; }

    block::BlockDevice& device() override { return device_; }
    [[nodiscard]] std::uint32_t block_bytes() const override { return block_bytes_; }
    std::uint64_t size_bytes() override { return size; }
    Result<fs::BlockRun> find(std::uint64_t offset, std::uint64_t size_wanted) override {
        return run_at(offset, size_wanted, false);
    }
    Result<fs::BlockRun> place(std::uint64_t offset, std::uint64_t size_wanted) override {
        return run_at(offset, size_wanted, true);
    }
    fs::BlockRun run_at(std::uint64_t offset, std::uint64_t size_wanted, bool with_fresh) {
        REQUIRE(offset % block_bytes_ == 0);
        REQUIRE(size_wanted % block_bytes_ == 0);
        REQUIRE(size_wanted != 0);
        std::uint64_t block = offset / block_bytes_;
        auto place_of = [&](std::uint64_t b) -> std::optional<std::uint64_t> {
            auto it = blocks_.find(b);
            if (!with_fresh && fresh_.count(b) != 0) return {};
            return it == blocks_.end() ? std::nullopt : std::optional(it->second);
        };
        auto first = place_of(block);
        std::uint64_t count = 1;
        while (count * block_bytes_ < size_wanted) {
            auto further = place_of(block + count);
            if (further.has_value() != first.has_value()) break;
            if (first && *further != *first + count) break;
            ++count;
        }
        return fs::BlockRun{count * block_bytes_, first ? std::optional(*first * block_bytes_) : std::nullopt};
    }
    // In runs of a few blocks, with gaps.
    Result<> reserve(std::uint64_t offset, std::uint64_t size_wanted) override {
        for (std::uint64_t b = offset / block_bytes_; b * block_bytes_ < offset + size_wanted; ++b) {
            if (blocks_.count(b) != 0) continue;
            if (random_() % 4 == 0) next_ += random_() % 3;
            REQUIRE((next_ + 1) * block_bytes_ <= device_.size_bytes());
            // What a freed block held before must never show.
            std::memset(device_.contents().data() + next_ * block_bytes_, 0x5a, block_bytes_);
            fresh_.insert(b);
            blocks_[b] = next_++;
        }
        return {};
    }
    Result<> on_written_back(std::uint64_t offset, std::uint64_t size_written) override {
        written_back_bytes += size_written;
        for (std::uint64_t b = offset / block_bytes_; b * block_bytes_ < offset + size_written; ++b) fresh_.erase(b);
        return {};
    }
    void free_blocks(std::uint64_t begin, std::uint64_t end) {
        std::uint64_t first = (begin + block_bytes_ - 1) / block_bytes_;
        std::uint64_t behind = end / block_bytes_;
        if (behind <= first) return;
        blocks_.erase(blocks_.lower_bound(first), blocks_.lower_bound(behind));
        fresh_.erase(fresh_.lower_bound(first), fresh_.lower_bound(behind));
    }
    // The file as the disk has it.
    std::vector<std::byte> on_disk() {
        std::vector<std::byte> bytes(size);
        for (auto [block, place] : blocks_) {
            std::uint64_t at = block * block_bytes_;
            if (at >= size) continue;
            std::uint64_t piece = std::min<std::uint64_t>(block_bytes_, size - at);
            std::memcpy(bytes.data() + at, device_.contents().data() + place * block_bytes_, piece);
        }
        return bytes;
    }

    std::uint64_t size = 0;
    std::uint64_t written_back_bytes = 0;

private:
    MemoryBlockDevice& device_;
    std::uint32_t block_bytes_;
    std::mt19937_64 random_;
    std::map<std::uint64_t, std::uint64_t> blocks_;
    std::set<std::uint64_t> fresh_;  // reserved, not written yet
    std::uint64_t next_ = 1;

public:
    fs::PageCache cache;  // last: it goes first
};

inline void write(TestFile& file, std::uint64_t offset, const std::vector<std::byte>& bytes) {
    std::uint64_t block = file.block_bytes();
    std::uint64_t end = offset + bytes.size();
    std::uint64_t first = abi::align_down(offset, block);
    REQUIRE(file.reserve(first, abi::align_up(end, block) - first).ok());
    for (std::uint64_t at = offset; at < end;) {
        std::uint64_t piece = std::min(end - at, abi::page_size - at % abi::page_size);
        if (piece == abi::page_size && at % 3 != 0) {
            auto frame = memory::allocate_frames(0, memory::Contents::any);
            REQUIRE(frame.ok());
            std::memcpy(memory::frame_pointer<std::byte>(frame.value()), &bytes[at - offset], piece);
            REQUIRE(file.cache.put_page(at / abi::page_size, frame.value()).ok());
        } else {
            auto frame = file.cache.page_for_write(at / abi::page_size);
            REQUIRE(frame.ok());
            std::memcpy(memory::frame_pointer<std::byte>(frame.value()) + at % abi::page_size, &bytes[at - offset],
                        piece);
            memory::release_frames(frame.value(), 0);
        }
        at += piece;
    }
    file.size = std::max(file.size, end);
    file.cache.on_written(offset, end);
}

inline std::vector<std::byte> read(TestFile& file, std::uint64_t offset, std::uint64_t size) {
    std::vector<std::byte> bytes(size);
    file.cache.about_to_read(offset, offset + size);
    for (std::uint64_t at = offset; at < offset + size;) {
        std::uint64_t piece = std::min(offset + size - at, abi::page_size - at % abi::page_size);
        auto frame = file.cache.page_for_read(at / abi::page_size);
        REQUIRE(frame.ok());
        REQUIRE(frame.value().value != 0);
        std::memcpy(&bytes[at - offset], memory::frame_pointer<std::byte>(frame.value()) + at % abi::page_size, piece);
        memory::release_frames(frame.value(), 0);
        at += piece;
    }
    return bytes;
}

inline std::vector<std::byte> random_bytes(std::mt19937_64& random, std::size_t size) {
    std::vector<std::byte> bytes(size);
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
    return bytes;
}

inline RefPtr<TestFile> make_file(MemoryBlockDevice& device, std::uint32_t block_bytes, unsigned seed = 1) {
    auto file = make_ref<TestFile>(device, block_bytes, seed);
    REQUIRE(file.ok());
    return std::move(file).value();
}

}  // namespace husk::test
