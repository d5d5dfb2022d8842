// SPDX-License-Identifier: Apache-2.0
// Disks that lie: an error on what is damaged, and nothing worse.
#include <fcntl.h>
#include <unistd.h>

#include <memory>

#include <doctest/doctest.h>

#include "guest-runtime/memory/frames.hpp"
#include "tests/support/guest_fakes/machine.hpp"
#include "tests/unit/guest/fs/ext4/mounted.hpp"

using namespace husk;
using namespace husk::test;

namespace {

void overwrite(const std::string& path, std::uint64_t offset, const std::string& bytes) {
    int fd = ::open(path.c_str(), O_WRONLY);
    REQUIRE(fd >= 0);
    CHECK(::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset)) == static_cast<ssize_t>(bytes.size()));
    ::close(fd);
}

// Bytes from the start of the image to the first block of a file or directory.
std::uint64_t place_of(const Image& image, const std::string& path, std::uint64_t block_bytes) {
    return std::stoull(image.debugfs("bmap " + path + " 0")) * block_bytes;
}

// Everything that a disk may answer with an error and nothing else.
void use_all(fs::ext4::Ext4& filesystem) {
    struct Names final : fs::DirectoryVisitor {
        bool visit(std::string_view name, std::uint64_t, fs::FileType, std::uint64_t) override {
            names.emplace_back(name);
            return names.size() < 200;
        }
        std::vector<std::string> names;
    };
    auto root = filesystem.root();
    if (!root.ok()) return;
    std::vector<RefPtr<fs::Inode>> directories = {root.value()};
    for (std::size_t i = 0; i < directories.size() && i < 20; ++i) {
        RefPtr<fs::Inode> directory = directories[i];
        Guard guard(filesystem.structure());
        Names names;
        static_cast<void>(directory->list(0, names));
        static_cast<void>(directory->create("new", {.permissions = 0644, .target = {}}));
        static_cast<void>(
            directory->create("dir", {.type = fs::FileType::directory, .permissions = 0755, .target = {}}));
        for (const std::string& name : names.names) {
            auto found = directory->lookup(name);
            if (!found.ok()) continue;
            fs::Inode& inode = *found.value();
            static_cast<void>(inode.extended_attribute_names());
            static_cast<void>(inode.target());
            if (inode.is_directory()) directories.push_back(found.value());
            if (!inode.is_regular()) continue;
            for (std::uint64_t page = 0; page < 4; ++page) {
                auto frame = inode.page_for_read(page << 8);
                if (frame.ok() && frame.value().value != 0) memory::release_frames(frame.value(), 0);
            }
            static_cast<void>(inode.seek_data(0, true));
            static_cast<void>(inode.set_extended_attribute("user.b", "value", 0));
            guard.unlock();
            {
                Guard contents(inode.contents());
                static_cast<void>(inode.allocate(0, 100'000, true));
                static_cast<void>(inode.resize(10));
            }
            static_cast<void>(directory->unlink(name));
        }
    }
}

}  // namespace

TEST_CASE("a damaged superblock is refused, and so is a disk without one") {
    Image image("16M");
    overwrite(image.path(), 1024 + 0x20, "garbage");
    FileBlockDevice device(image.path());
    CHECK(fs::ext4::open_ext4(device, false).error() == Errno::einval);
    overwrite(image.path(), 1024, std::string(1024, '\0'));
    CHECK(fs::ext4::open_ext4(device, false).error() == Errno::einval);
}

TEST_CASE("a damaged directory block is EUCLEAN for that directory only") {
    Image image("16M", "-b 4096");
    {
        Mounted mounted(image);
        for (const char* path : {"/bad", "/good"}) {
            expect_ok(mounted.make_directory(path));
            REQUIRE(mounted.write(std::string(path) + "/f", 0, "x").ok());
        }
    }
    overwrite(image.path(), place_of(image, "/bad", 4096) + 28, std::string("\xff\xff", 2));
    Mounted again(image);
    CHECK(again.find("/bad/f").error() == Errno::euclean);
    CHECK(again.make_directory("/bad/new").error() == Errno::euclean);
    CHECK(again.read("/good/f") == "x");
}

TEST_CASE("a damaged bitmap costs its group, not the file system") {
    Image image("64M", "-b 1024");
    std::string said = run_command("dumpe2fs " + image.path() + " | grep -m1 'Block bitmap at'").output;
    std::uint64_t block = std::stoull(said.substr(said.find("at ") + 3));
    overwrite(image.path(), block * 1024 + 100, "garbage");
    Mounted mounted(image);
    CHECK(mounted.write("/f", 0, std::string(100'000, 'x')).ok());
    expect_ok(mounted.filesystem().sync());
    CHECK(mounted.read("/f") == std::string(100'000, 'x'));
}

TEST_CASE("a file that lies on the file system's own blocks is EUCLEAN, and nothing is written there") {
    Image image("16M", "-b 1024");
    {
        Mounted mounted(image);
        for (const char* path : {"/bad", "/good"}) REQUIRE(mounted.write(path, 0, std::string(1024, 'x')).ok());
    }
    std::string group = run_command("dumpe2fs " + image.path() + " | sed -n '/^Group 0/,/^Group 1/p'").output;
    auto number_behind = [&](const std::string& text) -> std::uint64_t {
        return std::stoull(group.substr(group.find(text) + text.size()));
    };
    std::vector<std::uint64_t> own = {number_behind("superblock at "),      number_behind("Group descriptors at "),
                                      number_behind("Block bitmap at "),    number_behind("Inode bitmap at "),
                                      number_behind("Inode table at ") + 3, std::stoull(image.debugfs("bmap <8> 5"))};
    for (std::uint64_t block : own) {
        CAPTURE(block);
        // debugfs sets the inode's checksum right.
        image.debugfs("sif /bad block[5] " + std::to_string(block), true);
        std::string before = run_command("dd status=none bs=1024 count=8000 if=" + image.path() + " | md5sum").output;
        Mounted mounted(image);
        CHECK(mounted.expect("/bad")->page_for_read(0).error() == Errno::euclean);
        CHECK_FALSE(mounted.write("/bad", 0, "y").ok());
        CHECK_FALSE(mounted.resize("/bad", 0).ok());
        CHECK(mounted.read("/good") == std::string(1024, 'x'));
        mounted.crash();
        CHECK(run_command("dd status=none bs=1024 count=8000 if=" + image.path() + " | md5sum").output == before);
    }
}

TEST_CASE("any damage to the metadata is survived") {
    Image image("8M", "-b 1024 -N 64");
    {
        Mounted mounted(image);
        expect_ok(mounted.make_directory("/d"));
        for (int i = 0; i < 30; ++i)
            REQUIRE(mounted.write("/d/" + std::string(60, 'n') + std::to_string(i), 0, "x").ok());
        for (std::uint64_t at = 0; at < 20; ++at) REQUIRE(mounted.write("/sparse", at << 20, "x").ok());
        expect_ok(mounted.expect("/sparse")->set_extended_attribute("user.a", std::string(500, 'v'), 0));
    }
    // So that damage gets past the checksums.
    CHECK(run_command("tune2fs -O ^metadata_csum " + image.path()).status == 0);
    unsigned seed = 1;
    for (int round = 0; round < 60; ++round) {
        std::string copy = image.beside("copy");
        run_command("cp " + image.path() + " " + copy);
        for (int i = 0; i < 40; ++i) {
            seed = seed * 1103515245 + 12345;
            overwrite(copy, (seed >> 4) % (600 << 10), std::string(1, static_cast<char>(seed >> 24)));
        }
        // Pages that cannot be written keep their inodes, and so a file system that may not go.
        static std::vector<std::pair<std::unique_ptr<FileBlockDevice>, fs::Filesystem*>> kept;
        auto device = std::make_unique<FileBlockDevice>(copy);
        auto opened = fs::ext4::open_ext4(*device, false);
        if (!opened.ok()) continue;
        auto* filesystem = static_cast<fs::ext4::Ext4*>(opened.value());
        use_all(*filesystem);
        static_cast<void>(filesystem->unmount());
        run_object_threads();
        kept.emplace_back(std::move(device), filesystem);
    }
}
