// SPDX-License-Identifier: Apache-2.0
// What we write, as e2fsck, debugfs and a second mount see it.
#include <array>

#include <doctest/doctest.h>

#include "guest-runtime/fs/io_buffer.hpp"
#include "guest-runtime/fs/open_flags.hpp"
#include "guest-runtime/fs/page_cache.hpp"
#include "guest-runtime/memory/frames.hpp"
#include "tests/unit/guest/fs/ext4/mounted.hpp"

using namespace husk;
using namespace husk::test;

namespace {

std::string pattern(std::size_t bytes, unsigned seed) {
    std::string text(bytes, '\0');
    for (char& c : text) c = static_cast<char>((seed = seed * 1103515245 + 12345) >> 16);
    return text;
}

}  // namespace

TEST_CASE("files, directories and links are there after a remount and e2fsck agrees, for every block size") {
    for (const char* block : {"1024", "2048", "4096"}) {
        Image image("32M", std::string("-b ") + block);
        std::string text = pattern(1'234'567, 3);
        {
            Mounted mounted(image);
            expect_ok(mounted.make_directory("/d"));
            CHECK(mounted.write("/d/file", 0, text).value() == text.size());
            CHECK(mounted.write("/small", 0, "hello").value() == 5);
            expect_ok(mounted.symlink("d/file", "/fast"));
            expect_ok(mounted.symlink(std::string(300, 'l'), "/slow"));
            expect_ok(mounted.link("/small", "/d/second"));
            REQUIRE(mounted.create("/fifo", {.type = fs::FileType::fifo, .permissions = 0600, .target = {}}).ok());
            REQUIRE(mounted
                        .create("/null", {.type = fs::FileType::character,
                                          .permissions = 0666,
                                          .represented_device = fs::make_device(1, 3),
                                          .target = {}})
                        .ok());
            CHECK(mounted.read("/d/file") == text);
        }
        image.check();
        run_command("rm -f " + image.beside("out"));
        image.debugfs("dump /d/file " + image.beside("out"));
        CHECK(run_command("stat -c %s " + image.beside("out")).output == "1234567\n");
        CHECK(image.debugfs("cat /slow").find(std::string(300, 'l')) != std::string::npos);
        Mounted again(image);
        CHECK(again.read("/d/file") == text);
        CHECK(again.read("/d/second") == "hello");
        CHECK(again.expect("/small")->attributes().links == 2);
        CHECK(again.expect("/fast")->target().value().view() == "d/file");
        CHECK(again.expect("/slow")->target().value().view() == std::string(300, 'l'));
        CHECK(again.expect("/null")->attributes().represented_device == fs::make_device(1, 3));
        expect_ok(again.unlink("/d/file"));
        expect_ok(again.unlink("/d/second"));
        expect_ok(again.remove_directory("/d"));
        CHECK(again.remove_directory("/lost+found").ok());
    }
}

TEST_CASE("a direct write behind the end of a file is not undone by who reads the same page meanwhile") {
    Image image("32M", "-b 1024");
    alignas(1024) static std::array<char, 1024> bytes;
    bytes.fill('b');
    std::string wanted = std::string(1024, 'a') + std::string(1024, 'b');
    {
        Mounted mounted(image);
        REQUIRE(mounted.write("/f", 0, std::string(1024, 'a')).ok());
        RefPtr<fs::Inode> inode = mounted.expect("/f");
        expect_ok(inode->sync(false));
        REQUIRE(inode->page_cache()->drop_clean(0, UINT64_MAX));
        auto file = inode->open(fs::open_flag::read_write | fs::open_flag::direct);
        REQUIRE(file.ok());
        abi::GuestPhys held{};
        mounted.device().meanwhile = [&] { held = inode->page_for_read(0).value(); };
        fs::UserSegment part{reinterpret_cast<std::uint64_t>(bytes.data()), bytes.size()};
        fs::IoBuffer buffer(std::span(&part, 1));
        CHECK(file.value()->write(buffer, 1024).value() == 1024);
        REQUIRE(held.value != 0);
        memory::release_frames(held, 0);
        CHECK(mounted.read(*inode) == wanted);
        expect_ok(inode->sync(false));
    }
    image.check();
    Mounted again(image);
    CHECK(again.read("/f") == wanted);
}

TEST_CASE("a removed file's blocks and inode are free again") {
    Image image("16M");
    {
        Mounted mounted(image);
        expect_ok(mounted.make_directory("/keep"));
    }
    std::string before = run_command("dumpe2fs -h " + image.path() + " | grep Free").output;
    {
        Mounted mounted(image);
        for (int round = 0; round < 3; ++round) {
            REQUIRE(mounted.write("/f", 0, pattern(5'000'000, 1)).ok());
            expect_ok(mounted.filesystem().sync());
            expect_ok(mounted.unlink("/f"));
        }
    }
    image.check();
    CHECK(run_command("dumpe2fs -h " + image.path() + " | grep Free").output == before);
}

TEST_CASE("an open file without a name keeps its contents and goes with its last user") {
    Image image("16M");
    {
        Mounted mounted(image);
        REQUIRE(mounted.write("/f", 0, "still here").ok());
        RefPtr<fs::Inode> held = mounted.expect("/f");
        expect_ok(mounted.unlink("/f"));
        CHECK(mounted.read(*held) == "still here");
        REQUIRE(mounted.write(*held, 10, " and more").ok());
        expect_ok(held->sync(false));
        CHECK(mounted.read(*held) == "still here and more");
    }
    image.check();
}

TEST_CASE("truncating frees and zeroes") {
    Image image("16M", "-b 1024");
    {
        Mounted mounted(image);
        REQUIRE(mounted.write("/f", 0, std::string(100'000, 'x')).ok());
        expect_ok(mounted.filesystem().sync());
        expect_ok(mounted.resize("/f", 1'500));
        expect_ok(mounted.resize("/f", 3'000));
        CHECK(mounted.read("/f") == std::string(1'500, 'x') + std::string(1'500, '\0'));
        CHECK(mounted.expect("/f")->attributes().blocks_512 <= 8);
    }
    image.check();
    Mounted again(image);
    CHECK(again.read("/f") == std::string(1'500, 'x') + std::string(1'500, '\0'));
}
