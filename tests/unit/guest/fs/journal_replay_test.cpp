// SPDX-License-Identifier: Apache-2.0
// Journals that debugfs has written: recovery must make of them what e2fsck does.
#include <cstring>
#include <random>

#include <doctest/doctest.h>

#include "guest-runtime/fs/journal/journal.hpp"
#include "tests/unit/guest/fs/ext4_image.hpp"

using namespace husk;
using journal::Journal;
using test::Ext4Image;
using test::MemoryBlockDevice;

namespace {

// Some transactions over the scratch file, as commands for debugfs, with the files they name.
struct Script {
    std::string commands;
    std::vector<test::SideFile> files;
};

std::string some_blocks(const Ext4Image& image, std::mt19937& random, std::size_t count) {
    std::string list;
    for (std::size_t i = 0; i < count; ++i) {
        list += (i == 0 ? "" : ",") + std::to_string(image.file_blocks[random() % image.file_blocks.size()]);
    }
    return list;
}

Script make_script(const Ext4Image& image, const std::string& open, unsigned seed) {
    std::mt19937 random(seed);
    Script script{"jo " + open + "\n", {}};
    for (int i = 0; i < 8; ++i) {
        if (i % 3 == 2) script.commands += "jw -r " + some_blocks(image, random, 3) + "\n";
        std::size_t count = 1 + random() % 5;
        std::string name = "data" + std::to_string(i);
        std::vector<std::byte> bytes(count * image.block_bytes, static_cast<std::byte>('0' + i));
        script.commands +=
            "jw " + std::string(i == 7 ? "-c " : "") + "-b " + some_blocks(image, random, count) + " @" + name + "\n";
        script.files.push_back({name, bytes});
    }
    script.commands += "jc\n";
    return script;
}

std::vector<std::byte> with_journal(const Ext4Image& image, const Script& script) {
    auto disk = image.contents;
    auto result = test::run_on_image(disk, "printf '" + script.commands + "' > {}.script; debugfs -w -f {}.script {}",
                                     script.files);
    REQUIRE_MESSAGE(result.status == 0, result.output);
    return disk;
}

}  // namespace

TEST_CASE("journals that debugfs wrote are replayed as e2fsck does") {
    for (const char* features : {"64bit,metadata_csum", "^64bit,^metadata_csum", "64bit,^metadata_csum"}) {
        for (const char* open : {"", "-c -v 2", "-c -v 3"}) {
            CAPTURE(std::string(features));
            CAPTURE(std::string(open));
            const Ext4Image& image = test::make_ext4_image(1024, features);
            auto theirs = with_journal(image, make_script(image, open, 7));
            MemoryBlockDevice device(theirs);
            test::Ext4Owner owner(device);
            auto cache = block::BufferCache::create(device, image.block_bytes, 16);
            auto opened = Journal::open(*cache.value(), image.journal_map(), image.journal_settings(), owner);
            REQUIRE(opened.ok());
            REQUIRE(opened.value()->needs_recovery());
            REQUIRE(opened.value()->recover().ok());
            auto replayed = test::run_on_image(theirs, "e2fsck -fy {}");
            CHECK_MESSAGE(replayed.output.find("recovering journal") != std::string::npos, replayed.output);
            bool has_changed = false;
            for (std::uint64_t block : image.file_blocks) {
                std::size_t at = block * image.block_bytes;
                CHECK(std::memcmp(device.contents().data() + at, theirs.data() + at, image.block_bytes) == 0);
                has_changed |= device.contents()[at] != std::byte{'s'};
            }
            CHECK(has_changed);
            auto checked = test::run_on_image(device.contents(), "e2fsck -fy {}");
            CHECK_MESSAGE(checked.status <= 1, checked.output);
        }
    }
}
