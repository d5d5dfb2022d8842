// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/page_cache.hpp"

#include <algorithm>
#include <cstring>
#include <map>
#include <random>
#include <set>
#include <vector>

#include <doctest/doctest.h>

#include "guest-runtime/fs/filesystem.hpp"
#include "guest-runtime/fs/inode.hpp"
#include "guest-runtime/fs/page_cache_list.hpp"
#include "guest-runtime/memory/frames.hpp"
#include "guest-runtime/memory/reclaim.hpp"
#include "tests/support/guest_fakes/machine.hpp"
#include "tests/support/guest_fakes/memory_block_device.hpp"

using namespace husk;
using abi::page_size;
using test::MemoryBlockDevice;

namespace {

class TestFilesystem final : public fs::Filesystem {
public:
    TestFilesystem() : fs::Filesystem(fs::make_device(0, 99), "test") {}
    Result<RefPtr<fs::Inode>> root() override { return Errno::enosys; }
    fs::FilesystemCounts counts() override { return {}; }
};

TestFilesystem test_filesystem;

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

void write(TestFile& file, std::uint64_t offset, const std::vector<std::byte>& bytes) {
    std::uint64_t block = file.block_bytes();
    std::uint64_t end = offset + bytes.size();
    std::uint64_t first = abi::align_down(offset, block);
    REQUIRE(file.reserve(first, abi::align_up(end, block) - first).ok());
    for (std::uint64_t at = offset; at < end;) {
        std::uint64_t piece = std::min(end - at, page_size - at % page_size);
        if (piece == page_size && at % 3 != 0) {
            auto frame = memory::allocate_frames(0, memory::Contents::any);
            REQUIRE(frame.ok());
            std::memcpy(memory::frame_pointer<std::byte>(frame.value()), &bytes[at - offset], piece);
            REQUIRE(file.cache.put_page(at / page_size, frame.value()).ok());
        } else {
            auto frame = file.cache.page_for_write(at / page_size);
            REQUIRE(frame.ok());
            std::memcpy(memory::frame_pointer<std::byte>(frame.value()) + at % page_size, &bytes[at - offset], piece);
            memory::release_frames(frame.value(), 0);
        }
        at += piece;
    }
    file.size = std::max(file.size, end);
    file.cache.on_written(offset, end);
}

std::vector<std::byte> read(TestFile& file, std::uint64_t offset, std::uint64_t size) {
    std::vector<std::byte> bytes(size);
    file.cache.about_to_read(offset, offset + size);
    for (std::uint64_t at = offset; at < offset + size;) {
        std::uint64_t piece = std::min(offset + size - at, page_size - at % page_size);
        auto frame = file.cache.page_for_read(at / page_size);
        REQUIRE(frame.ok());
        REQUIRE(frame.value().value != 0);
        std::memcpy(&bytes[at - offset], memory::frame_pointer<std::byte>(frame.value()) + at % page_size, piece);
        memory::release_frames(frame.value(), 0);
        at += piece;
    }
    return bytes;
}

std::vector<std::byte> random_bytes(std::mt19937_64& random, std::size_t size) {
    std::vector<std::byte> bytes(size);
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
    return bytes;
}

RefPtr<TestFile> make_file(MemoryBlockDevice& device, std::uint32_t block_bytes, unsigned seed = 1) {
    auto file = make_ref<TestFile>(device, block_bytes, seed);
    REQUIRE(file.ok());
    return std::move(file).value();
}

void run_model(std::uint32_t block_bytes, unsigned seed, int steps) {
    CAPTURE(block_bytes);
    CAPTURE(seed);
    std::uint64_t frames_before = test::frames_in_use();
    std::mt19937_64 random(seed);
    MemoryBlockDevice device(32 << 20);
    RefPtr<TestFile> file = make_file(device, block_bytes, seed);
    std::vector<std::byte> model;
    for (int step = 0; step < steps; ++step) {
        CAPTURE(step);
        std::uint64_t most = 300 << 10;
        std::uint64_t offset = random() % most;
        std::uint64_t size = 1 + random() % (random() % 4 == 0 ? 40000 : 3000);
        if (random() % 3 == 0) offset = abi::align_down(offset, page_size);
        switch (random() % 10) {
            default: {
                auto bytes = random_bytes(random, size);
                write(*file, offset, bytes);
                if (model.size() < offset + size) model.resize(offset + size);
                std::copy(bytes.begin(), bytes.end(), model.begin() + static_cast<std::ptrdiff_t>(offset));
                break;
            }
            case 3:
            case 4:
            case 5: {
                if (offset >= model.size()) break;
                size = std::min<std::uint64_t>(size, model.size() - offset);
                auto bytes = read(*file, offset, size);
                REQUIRE(std::memcmp(bytes.data(), model.data() + offset, size) == 0);
                break;
            }
            case 6:
                REQUIRE(file->cache.write_back(offset, offset + size).ok());
                if (random() % 2 == 0) file->cache.drop_clean(0, UINT64_MAX);
                break;
            case 7: {
                std::uint64_t shorter = model.empty() ? 0 : random() % (model.size() + 1);
                if (random() % 3 != 0) break;
                file->size = shorter;
                REQUIRE(file->cache.resize(shorter).ok());
                file->free_blocks(shorter, UINT64_MAX);
                model.resize(shorter);
                break;
            }
            case 8: {
                std::uint64_t end = offset + size;
                REQUIRE(file->cache.drop_range(offset, end).ok());
                file->free_blocks(offset, end);
                for (std::uint64_t at = offset; at < std::min<std::uint64_t>(end, model.size()); ++at) {
                    model[at] = std::byte{0};
                }
                break;
            }
            case 9:
                (void)fs::page_caches().shrink(random() % 20);
                break;
        }
    }
    REQUIRE(file->cache.write_back(0, UINT64_MAX).ok());
    CHECK_FALSE(file->cache.is_dirty());
    CHECK(file->on_disk() == model);
    CHECK(fs::page_caches().dirty_pages.load() == 0);
    file->cache.drop_clean(0, UINT64_MAX);
    CHECK(file->cache.page_count() == 0);
    if (!model.empty()) CHECK(read(*file, 0, model.size()) == model);
    file = {};
    CHECK(fs::page_caches().pages.load() == 0);
    CHECK(test::frames_in_use() == frames_before);
}

TestFile* acting_file = nullptr;
MemoryBlockDevice* acting_device = nullptr;

}  // namespace

TEST_CASE("a page cache agrees with a model under random operations, whatever the block size") {
    for (std::uint32_t block_bytes : {512u, 1024u, 2048u, 4096u}) {
        for (unsigned seed = 1; seed <= 3; ++seed) run_model(block_bytes, seed, 600);
    }
}

TEST_CASE("sequential reads become few requests, random ones stay single pages") {
    MemoryBlockDevice device(8 << 20);
    RefPtr<TestFile> file = make_file(device, 4096);
    std::mt19937_64 random(5);
    auto bytes = random_bytes(random, 2 << 20);
    write(*file, 0, bytes);
    REQUIRE(file->cache.write_back(0, UINT64_MAX).ok());
    file->cache.drop_clean(0, UINT64_MAX);
    device.reads = 0;
    for (std::uint64_t at = 0; at < bytes.size(); at += page_size) {
        auto part = read(*file, at, page_size);
        REQUIRE(std::memcmp(part.data(), bytes.data() + at, page_size) == 0);
    }
    // The test's blocks come in runs of about four pages.
    CHECK(device.reads < 512 / 2);
    file->cache.drop_clean(0, UINT64_MAX);
    device.reads = 0;
    for (std::uint64_t page : {400u, 7u, 200u, 90u, 300u}) (void)read(*file, page * page_size, 10);
    CHECK(file->cache.page_count() == 5);
    CHECK(device.reads == 5);
}

TEST_CASE("one large read asks for all its pages at once") {
    MemoryBlockDevice device(8 << 20);
    RefPtr<TestFile> file = make_file(device, 4096);
    std::vector<std::byte> bytes(64 * page_size, std::byte{9});
    write(*file, 0, bytes);
    REQUIRE(file->cache.write_back(0, UINT64_MAX).ok());
    file->cache.drop_clean(0, UINT64_MAX);
    device.hold = true;
    file->cache.about_to_read(10 * page_size, 50 * page_size);
    std::uint64_t asked = 0;
    for (std::size_t i = 0; i < device.waiting(); ++i) asked += device.waiting_at(i).size_bytes;
    CHECK(asked >= 40 * page_size);
    device.answer_all();
    CHECK(file->cache.is_resident(49));
}

TEST_CASE("a page being read is waited for, not read twice") {
    MemoryBlockDevice device(8 << 20);
    RefPtr<TestFile> file = make_file(device, 4096);
    write(*file, 0, std::vector<std::byte>(8 * page_size, std::byte{7}));
    REQUIRE(file->cache.write_back(0, UINT64_MAX).ok());
    file->cache.drop_clean(0, UINT64_MAX);
    device.hold = true;
    device.reads = 0;
    acting_device = &device;
    file->cache.about_to_read(0, 2 * page_size);
    std::size_t asked = device.waiting();
    test::on_next_sleep([] { acting_device->answer_all(); });
    auto frame = file->cache.page_for_read(1);
    REQUIRE(frame.ok());
    CHECK(memory::frame_pointer<std::byte>(frame.value())[5] == std::byte{7});
    memory::release_frames(frame.value(), 0);
    CHECK(device.reads == asked);
}

TEST_CASE("a read error reaches who reads that page, and only him; later it may work") {
    MemoryBlockDevice device(8 << 20);
    RefPtr<TestFile> file = make_file(device, 4096);
    write(*file, 0, std::vector<std::byte>(8 * page_size, std::byte{7}));
    REQUIRE(file->cache.write_back(0, UINT64_MAX).ok());
    file->cache.drop_clean(0, UINT64_MAX);
    auto bad = file->find(3 * page_size, page_size);
    std::uint64_t bad_offset = *bad.value().device_offset;
    device.fail = [&](const block::BlockRequest& request) {
        bool hits = request.offset <= bad_offset && bad_offset < request.offset + request.size_bytes;
        return hits ? std::optional(Errno::eio) : std::nullopt;
    };
    for (std::uint64_t page = 0; page < 8; ++page) {
        auto frame = file->cache.page_for_read(page);
        CHECK(frame.ok() == (page != 3));
        if (frame.ok()) memory::release_frames(frame.value(), 0);
    }
    device.fail = nullptr;
    CHECK(read(*file, 3 * page_size, 1)[0] == std::byte{7});
}

TEST_CASE("a write error is told once by the next write-back that waits") {
    MemoryBlockDevice device(8 << 20);
    RefPtr<TestFile> file = make_file(device, 4096);
    write(*file, 0, std::vector<std::byte>(page_size, std::byte{7}));
    device.fail = [](const block::BlockRequest&) { return std::optional(Errno::eio); };
    CHECK(file->cache.write_some(100));
    device.fail = nullptr;
    CHECK(file->cache.write_back(0, UINT64_MAX).error() == Errno::eio);
    CHECK(file->cache.write_back(0, UINT64_MAX).ok());
}

TEST_CASE("what is written while a page is on its way to the disk is written again") {
    MemoryBlockDevice device(8 << 20);
    RefPtr<TestFile> file = make_file(device, 4096);
    write(*file, 0, std::vector<std::byte>(page_size, std::byte{1}));
    device.hold = true;
    acting_device = &device;
    acting_file = file.get();
    test::on_next_sleep([] {
        acting_device->hold = false;
        write(*acting_file, 0, std::vector<std::byte>(10, std::byte{2}));
        acting_device->answer_all();
    });
    REQUIRE(file->cache.write_back(0, UINT64_MAX).ok());
    CHECK(file->cache.is_dirty());
    REQUIRE(file->cache.write_back(0, UINT64_MAX).ok());
    CHECK_FALSE(file->cache.is_dirty());
    CHECK(file->on_disk()[9] == std::byte{2});
    CHECK(file->on_disk()[10] == std::byte{1});
}

TEST_CASE("a write that began before a write-back and ends after it stays dirty") {
    MemoryBlockDevice device(8 << 20);
    RefPtr<TestFile> file = make_file(device, 4096);
    file->size = page_size;
    REQUIRE(file->reserve(0, page_size).ok());
    auto frame = file->cache.page_for_write(0);
    REQUIRE(frame.ok());
    REQUIRE(file->cache.write_back(0, UINT64_MAX).ok());
    memory::frame_pointer<std::byte>(frame.value())[0] = std::byte{4};
    memory::release_frames(frame.value(), 0);
    file->cache.on_written(0, 1);
    REQUIRE(file->cache.write_back(0, UINT64_MAX).ok());
    CHECK(file->on_disk()[0] == std::byte{4});
}

TEST_CASE("a page that is mapped for writing is written by every write-back until the mapping has gone") {
    MemoryBlockDevice device(8 << 20);
    RefPtr<TestFile> file = make_file(device, 4096);
    file->size = page_size;
    auto frame = file->cache.page_for_mapping(0, true);
    REQUIRE(frame.ok());
    auto* bytes = memory::frame_pointer<std::byte>(frame.value());
    for (unsigned value : {1u, 2u, 3u}) {
        bytes[100] = static_cast<std::byte>(value);
        REQUIRE(file->cache.write_back(0, UINT64_MAX).ok());
        CHECK(file->on_disk()[100] == static_cast<std::byte>(value));
    }
    CHECK(file->cache.is_dirty());
    memory::release_frames(frame.value(), 0);
    REQUIRE(file->cache.write_back(0, UINT64_MAX).ok());
    CHECK_FALSE(file->cache.is_dirty());
}

TEST_CASE("a dirty inode lives on without users until it is written, unless it has lost its name") {
    MemoryBlockDevice device(8 << 20);
    RefPtr<TestFile> file = make_file(device, 4096);
    write(*file, 0, std::vector<std::byte>(page_size, std::byte{1}));
    file = {};
    CHECK(fs::page_caches().dirty_pages.load() == 1);
    REQUIRE(fs::page_caches().write_back_all(nullptr).ok());
    CHECK(fs::page_caches().dirty_pages.load() == 0);
    CHECK(fs::page_caches().pages.load() == 0);
    CHECK(device.writes == 1);

    file = make_file(device, 4096);
    write(*file, 0, std::vector<std::byte>(page_size, std::byte{1}));
    file->cache.orphan(true);
    file = {};
    CHECK(fs::page_caches().dirty_pages.load() == 0);
    CHECK(device.writes == 1);
}

TEST_CASE("pages are written in the background once they have been dirty for five seconds") {
    MemoryBlockDevice device(8 << 20);
    RefPtr<TestFile> file = make_file(device, 4096);
    write(*file, 0, std::vector<std::byte>(page_size, std::byte{1}));
    test::advance_clock_ns(4'000'000'000);
    fs::page_caches().write_back_old();
    CHECK(file->cache.is_dirty());
    test::advance_clock_ns(1'000'000'000);
    fs::page_caches().write_back_old();
    CHECK_FALSE(file->cache.is_dirty());
}

TEST_CASE("clean pages make room when memory is short") {
    MemoryBlockDevice device(8 << 20);
    RefPtr<TestFile> file = make_file(device, 4096);
    write(*file, 0, std::vector<std::byte>(200 * page_size, std::byte{6}));
    REQUIRE(file->cache.write_back(0, UINT64_MAX).ok());
    test::limit_free_frames(0);
    std::vector<abi::GuestPhys> frames;
    for (int i = 0; i < 150; ++i) {
        auto frame = memory::allocate_frames(0, memory::Contents::any);
        REQUIRE(frame.ok());
        frames.push_back(frame.value());
    }
    CHECK(file->cache.page_count() <= 50);
    for (abi::GuestPhys frame : frames) memory::release_frames(frame, 0);
    CHECK(read(*file, 199 * page_size, 1)[0] == std::byte{6});
    test::limit_free_frames(UINT64_MAX);
}
