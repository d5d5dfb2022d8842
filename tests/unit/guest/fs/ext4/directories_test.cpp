// SPDX-License-Identifier: Apache-2.0
// Names: indexes of many entries, moves of every kind, inodes without a name.
#include <doctest/doctest.h>

#include "tests/unit/guest/fs/ext4/mounted.hpp"

using namespace husk;
using namespace husk::test;
using fs::RenameMode;

namespace {

std::string numbered(int i) { return "/d/entry-number-" + std::to_string(i); }

void create_file(Mounted& mounted, const std::string& path) {
    auto made = mounted.create(path, {.permissions = 0644, .target = {}});
    REQUIRE_MESSAGE(made.ok(), path << " errno " << static_cast<int>(made.ok() ? Errno{} : made.error()));
}

}  // namespace

TEST_CASE("a directory of thousands of entries has an index of two levels that e2fsck and debugfs accept") {
    constexpr int count = 9000;
    Image image("64M", "-b 1024 -N 12000");
    {
        Mounted mounted(image);
        expect_ok(mounted.make_directory("/d"));
        for (int i = 0; i < count; ++i) create_file(mounted, numbered(i));
        for (int i = 0; i < count; i += 3) expect_ok(mounted.unlink(numbered(i)));
        CHECK(mounted.find(numbered(1)).ok());
        CHECK(mounted.find(numbered(3)).error() == Errno::enoent);
    }
    image.check();
    CHECK(image.debugfs("htree_dump /d").find("Indirect levels: 1") != std::string::npos);
    Mounted again(image);
    auto entries = again.list("/d", 13);
    CHECK(entries.size() == 2 + count - count / 3);
    for (int i = 0; i < count; ++i) {
        CHECK(entries.count("entry-number-" + std::to_string(i)) == (i % 3 == 0 ? 0 : 1));
    }
    CHECK(again.remove_directory("/d").error() == Errno::enotempty);
    for (int i = 0; i < count; ++i) {
        if (i % 3 != 0) expect_ok(again.unlink(numbered(i)));
    }
    expect_ok(again.remove_directory("/d"));
}

TEST_CASE("a listing during which entries come and go has each that stays once") {
    Image image("32M", "-b 1024");
    Mounted mounted(image);
    expect_ok(mounted.make_directory("/d"));
    for (int i = 0; i < 100; ++i) create_file(mounted, numbered(i));
    struct Changer final : fs::DirectoryVisitor {
        bool visit(std::string_view name, std::uint64_t, fs::FileType, std::uint64_t next) override {
            if (taken == 10) return false;
            ++taken;
            seen.insert({std::string(name), 0});
            position = next;
            return true;
        }
        std::multimap<std::string, int> seen;
        std::uint64_t position = 0;
        int taken = 0;
    } changer;
    RefPtr<fs::Inode> directory = mounted.expect("/d");
    for (int round = 0; round < 40; ++round) {
        changer.taken = 0;
        {
            Guard guard(mounted.filesystem().structure());
            expect_ok(directory->list(changer.position, changer));
        }
        for (int i = 0; i < 20; ++i) create_file(mounted, numbered(1000 + round * 20 + i));
    }
    for (int i = 0; i < 100; ++i) CHECK(changer.seen.count("entry-number-" + std::to_string(i)) == 1);
}

TEST_CASE("names of 255 bytes fill and split leaves") {
    Image image("32M", "-b 1024");
    auto name = [](int i) { return "/d/" + std::string(250, 'n') + std::to_string(10000 + i); };
    {
        Mounted mounted(image);
        expect_ok(mounted.make_directory("/d"));
        for (int i = 0; i < 300; ++i) create_file(mounted, name(i));
        for (int i = 0; i < 300; ++i) CHECK(mounted.find(name(i)).ok());
    }
    image.check();
}

TEST_CASE("a move replaces, refuses or exchanges, also across directories") {
    Image image("32M");
    {
        Mounted mounted(image);
        for (const char* path : {"/a", "/b", "/a/sub", "/b/other"}) expect_ok(mounted.make_directory(path));
        REQUIRE(mounted.write("/a/f", 0, "f").ok());
        REQUIRE(mounted.write("/b/g", 0, "g").ok());
        expect_ok(mounted.rename("/a/f", "/b/g"));
        CHECK(mounted.read("/b/g") == "f");
        CHECK(mounted.find("/a/f").error() == Errno::enoent);
        REQUIRE(mounted.write("/a/f", 0, "new").ok());
        CHECK(mounted.rename("/a/f", "/b/g", RenameMode::no_replace).error() == Errno::eexist);
        expect_ok(mounted.rename("/a/f", "/b/g", RenameMode::exchange));
        CHECK(mounted.read("/b/g") == "new");
        CHECK(mounted.read("/a/f") == "f");
        expect_ok(mounted.rename("/a/sub", "/b/sub"));
        CHECK(mounted.expect("/a")->attributes().links == 2);
        CHECK(mounted.expect("/b")->attributes().links == 4);
        CHECK(mounted.expect("/b/sub")->parent().get() == mounted.expect("/b").get());
        expect_ok(mounted.rename("/b/sub", "/b/other"));
        CHECK(mounted.expect("/b")->attributes().links == 3);
        CHECK(mounted.rename("/b/g", "/b/other").error() == Errno::eisdir);
        CHECK(mounted.rename("/b/other", "/b/g").error() == Errno::enotdir);
        create_file(mounted, "/b/other/inside");
        expect_ok(mounted.make_directory("/a/empty"));
        CHECK(mounted.rename("/a/empty", "/b/other").error() == Errno::enotempty);
        expect_ok(mounted.rename("/a/f", "/b/other", RenameMode::exchange));
        CHECK(mounted.expect("/a")->attributes().links == 4);
        CHECK(mounted.expect("/a/f")->is_directory());
    }
    image.check();
}

TEST_CASE("a file made without a name can get one, and is gone without") {
    Image image("16M");
    {
        Mounted mounted(image);
        RefPtr<fs::Inode> root = mounted.expect("/");
        auto make = [&] {
            Guard guard(mounted.filesystem().structure());
            auto made = root->create_unnamed(0600);
            REQUIRE(made.ok());
            return std::move(made).value();
        };
        RefPtr<fs::Inode> kept = make();
        RefPtr<fs::Inode> lost = make();
        REQUIRE(mounted.write(*kept, 0, "kept").ok());
        REQUIRE(mounted.write(*lost, 0, "lost").ok());
        {
            Guard guard(mounted.filesystem().structure());
            expect_ok(root->link("named", *kept));
        }
        CHECK(mounted.read("/named") == "kept");
    }
    image.check();
    Mounted again(image);
    CHECK(again.read("/named") == "kept");
}

TEST_CASE("extended attributes lie in the inode, then in a block, and survive") {
    Image image("16M", "-b 4096");
    std::string large(2000, 'v');
    {
        Mounted mounted(image);
        create_file(mounted, "/f");
        RefPtr<fs::Inode> file = mounted.expect("/f");
        expect_ok(file->set_extended_attribute("user.small", "1", 0));
        expect_ok(file->set_extended_attribute("user.large", large, 0));
        expect_ok(file->set_extended_attribute("trusted.x", "", 1));
        CHECK(file->set_extended_attribute("user.small", "2", 1).error() == Errno::eexist);
        CHECK(file->set_extended_attribute("user.none", "2", 2).error() == Errno::enodata);
        CHECK(file->set_extended_attribute("user.huge", std::string(5000, 'x'), 0).error() == Errno::enospc);
        CHECK(file->extended_attribute("system.x").error() == Errno::eopnotsupp);
        create_file(mounted, "/g");
        expect_ok(mounted.expect("/g")->set_extended_attribute("user.large", large, 0));
        expect_ok(mounted.expect("/g")->remove_extended_attribute("user.large"));
        CHECK(mounted.expect("/g")->attributes().blocks_512 == 0);
    }
    image.check();
    CHECK(image.debugfs("ea_get /f user.small").find('1') != std::string::npos);
    image.debugfs("ea_set /f user.by-debugfs yes", true);
    {
        Mounted again(image);
        RefPtr<fs::Inode> file = again.expect("/f");
        CHECK(file->extended_attribute("user.large").value().view() == large);
        CHECK(file->extended_attribute("user.small").value().view() == "1");
        CHECK(file->extended_attribute("user.by-debugfs").value().view() == "yes");
        CHECK(file->extended_attribute_names().value().size() != 0);
        expect_ok(again.unlink("/f"));
    }
    image.check();
}

TEST_CASE("times before 1970 and behind 2038 keep their nanoseconds") {
    Image image("16M");
    constexpr std::int64_t second = 1'000'000'000;
    for (std::int64_t time : {-5 * second + 7, 5'000'000'000 * second + 999'999'999, 4'294'967'296 * second + 1}) {
        {
            Mounted mounted(image);
            REQUIRE(mounted.write("/f", 0, "x").ok());
            fs::AttributeChange change;
            change.modified_ns = time;
            change.permissions = 0600;
            change.user = 70000;
            RefPtr<fs::Inode> file = mounted.expect("/f");
            expect_ok(file->sync(false));
            expect_ok(file->change(change));
        }
        Mounted again(image);
        fs::Attributes attributes = again.expect("/f")->attributes();
        CHECK(attributes.modified_ns == time);
        CHECK(attributes.user == 70000);
        CHECK((attributes.mode & 07777) == 0600);
        CHECK(attributes.born_ns > 0);
    }
    image.check();
}
