// SPDX-License-Identifier: Apache-2.0
// A loss of power at any moment: before each request to the disk, writes since the last flush are kept, lost, torn at
// sectors and reordered, or all but the last lost, and what recovery makes of it is compared with what was committed.
#include <algorithm>
#include <array>
#include <cstring>
#include <random>

#include <doctest/doctest.h>

#include "guest-runtime/fs/journal/journal.hpp"
#include "tests/support/guest_fakes/machine.hpp"
#include "tests/unit/guest/fs/ext4_image.hpp"

using namespace husk;
using journal::Journal;
using test::Ext4Image;
using test::MemoryBlockDevice;

namespace {

constexpr std::size_t file_blocks = 400;  // so many that old parts of the log matter
constexpr int anything = -1;              // a block that is free: nobody cares

// What each block of the scratch file is filled with.
using Contents = std::array<int, file_blocks>;

std::vector<std::byte> recovered(const Ext4Image& image, std::vector<std::byte> crashed) {
    MemoryBlockDevice device(std::move(crashed));
    test::Ext4Owner owner(device);
    auto cache = block::BufferCache::create(device, image.block_bytes, 16);
    auto opened = Journal::open(*cache.value(), image.journal_map(), image.journal_settings(), owner);
    REQUIRE(opened.ok());
    REQUIRE(opened.value()->recover().ok());
    return device.contents();
}

class Crasher {
public:
    Crasher(const Ext4Image& image, unsigned seed) : image_(image), device_(image.contents), random_(seed) {
        Contents first;
        first.fill('s');
        states_.push_back(first);
        acknowledged_ = begun_ = 0;
    }

    void run(int transactions);

private:
    void change(Journal& journal, block::BufferCache& cache);
    void crash_here();
    std::vector<std::byte> crashed(int kind);
    void check(const std::vector<std::byte>& disk);
    bool matches(const std::vector<std::byte>& disk, const Contents& state) const;

    const Ext4Image& image_;
    MemoryBlockDevice device_;
    std::mt19937 random_;
    std::vector<Contents> states_;  // after each transaction
    std::size_t acknowledged_, begun_;
    int crashes_ = 0;
    bool is_looking_ = false;
};

void Crasher::change(Journal& journal, block::BufferCache& cache) {
    Contents next = states_.back();
    std::vector<std::size_t> freed;
    {
        auto handle = journal.begin(40);
        REQUIRE(handle.ok());
        std::size_t count = 1 + random_() % 39;
        for (std::size_t i = 0; i < count; ++i) {
            std::size_t index = random_() % file_blocks;
            std::uint64_t block = image_.file_blocks[index];
            if (random_() % 8 == 0) {
                REQUIRE(handle.value().forget(block).ok());
                next[index] = anything;
                freed.push_back(index);
                continue;
            }
            auto buffer = next[index] == anything ? cache.fresh(block) : cache.get(block);
            REQUIRE(buffer.ok());
            REQUIRE(handle.value().modify(*buffer.value()).ok());
            next[index] = static_cast<int>(random_() % 250);
            std::memset(buffer.value()->bytes().data(), next[index], image_.block_bytes);
        }
    }
    states_.push_back(next);
    begun_ = states_.size() - 1;
    // Now and then two changes share a commit.
    if (random_() % 4 == 0) return;
    REQUIRE(journal.sync().ok());
    acknowledged_ = begun_;
    // A file gets one of the freed blocks for its data.
    if (freed.empty() || next[freed[0]] != anything) return;
    std::vector<std::byte> data(image_.block_bytes, std::byte{0xdd});
    REQUIRE(block::write(device_, image_.file_blocks[freed[0]] * image_.block_bytes, data).ok());
    REQUIRE(block::flush(device_).ok());
    states_.back()[freed[0]] = 0xdd;
}

std::vector<std::byte> Crasher::crashed(int kind) {
    auto disk = device_.stable();
    struct Sector {
        std::uint64_t offset;
        const std::byte* bytes;
        std::size_t size;
    };
    std::vector<Sector> sectors;
    for (const auto& write : device_.unflushed()) {
        // ext4 relies on its superblock being written as a whole.
        std::size_t step = write.offset == 1024 ? 1024 : 512;
        for (std::size_t at = 0; at < write.bytes.size(); at += step) {
            sectors.push_back({write.offset + at, write.bytes.data() + at, step});
        }
    }
    if (kind == 0) sectors.clear();
    if (kind == 3 && sectors.size() > 2) sectors.erase(sectors.begin(), sectors.end() - 2);
    if (kind == 2) {
        std::shuffle(sectors.begin(), sectors.end(), random_);
        sectors.resize(sectors.size() / 2);
    }
    for (const Sector& sector : sectors) std::memcpy(disk.data() + sector.offset, sector.bytes, sector.size);
    return disk;
}

bool Crasher::matches(const std::vector<std::byte>& disk, const Contents& state) const {
    std::vector<std::byte> expected(image_.block_bytes);
    for (std::size_t i = 0; i < file_blocks; ++i) {
        if (state[i] == anything) continue;
        std::memset(expected.data(), state[i], expected.size());
        const std::byte* found = disk.data() + image_.file_blocks[i] * image_.block_bytes;
        if (std::memcmp(found, expected.data(), expected.size()) != 0) return false;
    }
    return true;
}

void Crasher::check(const std::vector<std::byte>& disk) {
    auto first = states_.begin() + static_cast<std::ptrdiff_t>(acknowledged_);
    CHECK(std::any_of(first, states_.end(), [&](const Contents& state) { return matches(disk, state); }));
}

void Crasher::crash_here() {
    if (is_looking_) return;
    is_looking_ = true;
    for (int kind : {0, 1, 2, 3}) {
        if (kind != 0 && device_.unflushed().empty()) break;
        if (kind != 2 && random_() % 3 != 0) continue;  // the test takes long enough
        auto disk = crashed(kind);
        auto ours = recovered(image_, disk);
        check(ours);
        if (++crashes_ % 64 != 0) continue;
        auto replayed = test::run_on_image(disk, "e2fsck -fy {}");
        CHECK_MESSAGE(replayed.status <= 1, replayed.output);
        for (std::size_t i = 0; i < file_blocks; ++i) {
            std::size_t at = image_.file_blocks[i] * image_.block_bytes;
            CHECK(std::memcmp(ours.data() + at, disk.data() + at, image_.block_bytes) == 0);
        }
    }
    is_looking_ = false;
}

void Crasher::run(int transactions) {
    test::Ext4Owner owner(device_);
    auto cache = block::BufferCache::create(device_, image_.block_bytes, 32);
    auto opened = Journal::open(*cache.value(), image_.journal_map(), image_.journal_settings(), owner);
    REQUIRE(opened.ok());
    Journal& journal = *opened.value();
    REQUIRE(journal.start().ok());
    device_.fail = [this](const block::BlockRequest& request) {
        if (request.operation != block::Operation::read) crash_here();
        return std::optional<Errno>();
    };
    for (int i = 0; i < transactions; ++i) change(journal, *cache.value());
    REQUIRE(journal.close().ok());
    acknowledged_ = begun_;
    crash_here();
    test::run_object_threads();
}

}  // namespace

TEST_CASE("after a loss of power at any moment, what was acknowledged is there and no change is there by half") {
    Crasher(test::make_ext4_image(1024, "64bit,metadata_csum"), 1).run(48);
    Crasher(test::make_ext4_image(1024, "^64bit,^metadata_csum"), 2).run(24);
}
