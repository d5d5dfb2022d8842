// SPDX-License-Identifier: Apache-2.0
// What mke2fs and debugfs wrote, as we read it.
#include <fstream>

#include <doctest/doctest.h>

#include "guest-runtime/fs/ext4/directory_hash.hpp"
#include "tests/unit/guest/fs/ext4/mounted.hpp"

using namespace husk;
using namespace husk::test;

namespace {

std::string pattern(std::size_t bytes, unsigned seed) {
    std::string text(bytes, '\0');
    for (char& c : text) c = static_cast<char>((seed = seed * 1103515245 + 12345) >> 16);
    return text;
}

void put_file(const std::string& path, const std::string& text) { std::ofstream(path, std::ios::binary) << text; }

}  // namespace

TEST_CASE("names hash as debugfs hashes them") {
    fs::ext4::Superblock superblock;
    const char* kinds[] = {"legacy", "half_md4", "tea"};
    for (std::uint8_t version = 0; version < 3; ++version) {
        for (std::string name :
             {"a", "name", "a-rather-long-name-of-more-than-thirty-two-bytes.txt", "umlaut-\xc3\xa4"}) {
            auto hash = fs::ext4::hash_name(name, version, superblock);
            REQUIRE(hash);
            std::string said =
                run_command("debugfs -R 'dx_hash -h " + std::string(kinds[version]) + " " + name + "'").output;
            char wanted[64];
            std::snprintf(wanted, sizeof wanted, "is 0x%x (minor 0x%x)", hash->major, hash->minor);
            CHECK_MESSAGE(said.find(wanted) != std::string::npos, said << " against " << wanted);
        }
    }
}

TEST_CASE("a tree that mke2fs copied reads the same, for every block size") {
    for (const char* block : {"1024", "2048", "4096"}) {
        TemporaryFolder source;
        std::filesystem::create_directories(source.path("tree/sub/deeper"));
        std::string large = pattern(3'000'001, 7);
        put_file(source.path("tree/large"), large);
        put_file(source.path("tree/sub/small"), "hello\n");
        put_file(source.path("tree/empty"), "");
        std::filesystem::create_symlink("sub/small", source.path("tree/short-link"));
        std::string target = std::string(200, 'x') + "/y";
        std::filesystem::create_symlink(target, source.path("tree/long-link"));
        for (int i = 0; i < 500; ++i) put_file(source.path("tree/sub/deeper/file-" + std::to_string(i)), "x");
        Image image("64M", std::string("-b ") + block + " -d " + source.path("tree"));
        {
            Mounted mounted(image);
            CHECK(mounted.read("/large") == large);
            CHECK(mounted.read("/sub/small") == "hello\n");
            CHECK(mounted.read("/empty").empty());
            CHECK(mounted.expect("/short-link")->target().value().view() == "sub/small");
            CHECK(mounted.expect("/long-link")->target().value().view() == target);
            auto entries = mounted.list("/sub/deeper", 7);
            CHECK(entries.size() == 502);
            for (int i = 0; i < 500; ++i) CHECK(entries.count("file-" + std::to_string(i)) == 1);
            CHECK(mounted.find("/nothing").error() == Errno::enoent);
            fs::Attributes attributes = mounted.expect("/large")->attributes();
            CHECK(attributes.size_bytes == large.size());
            CHECK(attributes.blocks_512 >= large.size() / 512);
        }
        image.check();
    }
}

TEST_CASE("an unknown incompatible feature is refused and an unknown read-only one allows reading") {
    Image refused("16M", "-O inline_data");
    FileBlockDevice device(refused.path());
    CHECK(fs::ext4::open_ext4(device, false).error() == Errno::einval);
    Image quota("16M", "-O quota");
    {
        Mounted mounted(quota);
        CHECK(mounted.filesystem().is_read_only());
        CHECK(mounted.list("/").count("lost+found") == 1);
        CHECK(mounted.make_directory("/no").error() == Errno::erofs);
    }
    quota.check();
}

TEST_CASE("a mount that changes nothing writes nothing") {
    Image image("16M");
    std::string before = run_command("md5sum " + image.path()).output;
    {
        Mounted mounted(image);
        mounted.expect("/lost+found");
    }
    CHECK(run_command("md5sum " + image.path()).output == before);
}
