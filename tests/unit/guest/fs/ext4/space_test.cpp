// SPDX-License-Identifier: Apache-2.0
// Blocks: holes, preallocation, sparse giants, a disk that is full.
#include <doctest/doctest.h>

#include "tests/unit/guest/fs/ext4/mounted.hpp"

using namespace husk;
using namespace husk::test;

namespace {

constexpr std::uint64_t gib = 1 << 30;

}  // namespace

TEST_CASE("holes are found, punched and filled") {
    for (const char* block : {"1024", "4096"}) {
        Image image("32M", std::string("-b ") + block);
        std::string text(65536, 'd');
        {
            Mounted mounted(image);
            REQUIRE(mounted.write("/f", 0, text).ok());
            REQUIRE(mounted.write("/f", 1 << 20, text).ok());
            RefPtr<fs::Inode> file = mounted.expect("/f");
            CHECK(file->seek_data(0, true).value() == 65536);
            CHECK(file->seek_data(65536, false).value() == 1 << 20);
            CHECK(file->seek_data(1 << 20, true).value() == (1 << 20) + 65536);
            {
                Guard guard(file->contents());
                expect_ok(file->punch_hole(8192, 16384 + 100));
            }
            text.replace(8192, 16484, 16484, '\0');
            CHECK(mounted.read(*file, 0, 65536) == text);
            CHECK(file->seek_data(0, true).value() == 8192);
            CHECK(file->seek_data(8192, false).value() == 8192 + 16384);
        }
        image.check();
        Mounted again(image);
        CHECK(again.read(*again.expect("/f"), 0, 65536) == text);
    }
}

TEST_CASE("preallocated blocks read as zeros and become data when they are written") {
    Image image("32M");
    {
        Mounted mounted(image);
        REQUIRE(mounted.write("/f", 0, "start").ok());
        RefPtr<fs::Inode> file = mounted.expect("/f");
        {
            Guard guard(file->contents());
            expect_ok(file->allocate(0, 5 << 20, false));
            expect_ok(file->allocate(5 << 20, 1 << 20, true));
        }
        CHECK(file->size_bytes() == 5 << 20);
        CHECK(file->attributes().blocks_512 >= (6 << 20) / 512);
        REQUIRE(mounted.write("/f", 3 << 20, "middle").ok());
        expect_ok(file->sync(true));
        CHECK(mounted.read(*file, (3 << 20) - 2, 10) == std::string("\0\0middle\0\0", 10));
    }
    image.check();
    Mounted again(image);
    CHECK(again.read(*again.expect("/f"), 3 << 20, 6) == "middle");
    CHECK(again.read(*again.expect("/f"), 0, 6) == std::string("start\0", 6));
}

TEST_CASE("a sparse file of 20 GiB with data every 64 MiB has a tree of extents and shrinks to nothing") {
    Image image("64M", "-b 1024");
    {
        Mounted mounted(image);
        REQUIRE(mounted.write("/f", 0, "first").ok());
        for (std::uint64_t at = 64 << 20; at < 20 * gib; at += 64 << 20) {
            REQUIRE(mounted.write("/f", at, std::to_string(at)).ok());
        }
        expect_ok(mounted.filesystem().sync());
    }
    image.check();
    {
        Mounted again(image);
        RefPtr<fs::Inode> file = again.expect("/f");
        for (std::uint64_t at = 64 << 20; at < 20 * gib; at += 64 << 20) {
            std::string wanted = std::to_string(at);
            CHECK(again.read(*file, at, wanted.size()) == wanted);
        }
        CHECK(file->seek_data(100 << 20, false).value() == 128 << 20);
        expect_ok(again.resize("/f", 10 * gib));
        expect_ok(again.resize("/f", 5));
        CHECK(again.read("/f") == "first");
        CHECK(file->attributes().blocks_512 == 2);
    }
    image.check();
}

TEST_CASE("a full disk takes what fits, keeps what was there, and has room again after a removal") {
    for (const char* block : {"1024", "4096"}) {
        Image image("10M", std::string("-b ") + block);
        {
            Mounted mounted(image);
            REQUIRE(mounted.write("/kept", 0, std::string(300'000, 'k')).ok());
            std::string chunk(1 << 16, 'c');
            std::uint64_t written = 0;
            for (;;) {
                auto done = mounted.write("/filler", written, chunk);
                if (!done.ok()) {
                    CHECK(done.error() == Errno::enospc);
                    break;
                }
                written += done.value();
                REQUIRE(written < 20 << 20);
            }
            CHECK(written > 3 << 20);
            expect_ok(mounted.filesystem().sync());
            int made = 0;
            for (; made < 5000; ++made) {
                auto file = mounted.create("/n" + std::to_string(made), {.permissions = 0644, .target = {}});
                if (!file.ok()) {
                    CHECK(file.error() == Errno::enospc);
                    break;
                }
            }
            CHECK(made < 5000);
            CHECK(mounted.read("/kept") == std::string(300'000, 'k'));
            CHECK(mounted.expect("/filler")->size_bytes() == written);
            expect_ok(mounted.unlink("/filler"));
            CHECK(mounted.write("/again", 0, std::string(2 << 20, 'a')).value() == 2 << 20);
        }
        image.check();
        Mounted again(image);
        CHECK(again.read("/kept") == std::string(300'000, 'k'));
        CHECK(again.read("/again") == std::string(2 << 20, 'a'));
    }
}

TEST_CASE("blocks that are promised while others are being looked for are not given away") {
    Image image("64M", "-b 4096");
    Mounted mounted(image);
    fs::ext4::Volume& volume = mounted.filesystem().volume();
    fs::ext4::BlockAllocator& blocks = volume.blocks();
    using Allocator = fs::ext4::BlockAllocator;
    std::uint64_t promised = 0;
    {
        auto handle = volume.begin(Allocator::credits_per_group);
        REQUIRE(handle.ok());
        // The group's bitmap is read from the disk first.
        mounted.device().meanwhile = [&] {
            while (blocks.reserve(100).ok()) promised += 100;
        };
        auto taken = blocks.allocate(handle.value(), 0, 5000, Allocator::Claim::ordinary);
        CHECK(mounted.device().meanwhile == nullptr);
        REQUIRE(taken.ok());
        CHECK(promised != 0);
        CHECK(blocks.available() >= promised);
        expect_ok(blocks.release(handle.value(), taken.value()));
    }
    blocks.unreserve(promised);
    CHECK(blocks.unpromised() == blocks.available());
}

TEST_CASE("images of 1 GiB and 64 GiB are used without writing what need not be") {
    for (const char* size : {"1G", "64G"}) {
        Image image(size, "-E lazy_itable_init=1,lazy_journal_init=1");
        {
            Mounted mounted(image);
            for (int i = 0; i < 40; ++i) {
                std::string name = "/d" + std::to_string(i);
                expect_ok(mounted.make_directory(name));
                REQUIRE(mounted.write(name + "/f", 0, std::string(100'000, 'x')).ok());
            }
        }
        image.check();
    }
}

TEST_CASE("a removed file gives its blocks back with the next commit, also when its times were not stored yet") {
    Image image("32M");
    {
        Mounted mounted(image);
        REQUIRE(mounted.write("/stays", 0, "so that the directory has its block").ok());
        std::uint64_t free_blocks = mounted.filesystem().counts().blocks_free;
        {
            REQUIRE(mounted.write("/f", 0, std::string(1 << 20, 'x')).ok());
            RefPtr<fs::Inode> file = mounted.expect("/f");
            expect_ok(file->sync(false));
            CHECK(mounted.read(*file, 0, 1) == "x");
            REQUIRE(mounted.unlink("/f").ok());
            REQUIRE(mounted.write(*file, 0, "after the end").ok());
        }
        // Freed blocks count once the transaction is committed.
        REQUIRE(mounted.filesystem().volume().journal().sync().ok());
        CHECK(mounted.filesystem().counts().blocks_free == free_blocks);
    }
    image.check();
}
