// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/journal/journal.hpp"

#include <algorithm>
#include <cstring>

#include <doctest/doctest.h>

#include "tests/support/guest_fakes/machine.hpp"
#include "tests/unit/guest/fs/ext4_image.hpp"

using namespace husk;
using journal::Handle;
using journal::Journal;
using test::Ext4Image;
using test::MemoryBlockDevice;

namespace {

constexpr const char* default_features = "64bit,metadata_csum";

// A file system's journal on a disk in memory, ready for handles.
struct Mounted {
    explicit Mounted(const Ext4Image& from, std::vector<std::byte> contents)
        : image(from), device(std::move(contents)), owner(device) {
        auto made = block::BufferCache::create(device, image.block_bytes, 128);
        REQUIRE(made.ok());
        cache = std::move(made).value();
        auto opened = Journal::open(*cache, image.journal_map(), image.journal_settings(), owner);
        REQUIRE(opened.ok());
        journal = std::move(opened).value();
    }
    explicit Mounted(const Ext4Image& from) : Mounted(from, from.contents) {
        REQUIRE(journal->start().ok());
        is_started = true;
    }
    ~Mounted() {
        if (!is_started) return;
        (void)journal->close();
        test::run_object_threads();
    }

    // Fills a block of the scratch file under `handle`.
    void fill(Handle& handle, std::size_t index, int value) {
        auto buffer = cache->get(image.file_blocks[index]);
        REQUIRE(buffer.ok());
        REQUIRE(handle.modify(*buffer.value()).ok());
        std::memset(buffer.value()->bytes().data(), value, image.block_bytes);
    }
    journal::TransactionId fill(std::size_t index, int value) {
        auto handle = journal->begin(1);
        REQUIRE(handle.ok());
        fill(handle.value(), index, value);
        return handle.value().transaction();
    }
    int on_device(std::size_t index) { return std::to_integer<int>(bytes_of(device.contents(), index)[0]); }
    const std::byte* bytes_of(const std::vector<std::byte>& contents, std::size_t index) const {
        return contents.data() + image.file_blocks[index] * image.block_bytes;
    }

    const Ext4Image& image;
    MemoryBlockDevice device;
    test::Ext4Owner owner;
    RefPtr<block::BufferCache> cache;
    RefPtr<Journal> journal;
    bool is_started = false;
};

// What recovery makes of a crashed disk.
std::vector<std::byte> recovered(const Ext4Image& image, std::vector<std::byte> contents) {
    Mounted mounted(image, std::move(contents));
    REQUIRE(mounted.journal->needs_recovery());
    REQUIRE(mounted.journal->recover().ok());
    CHECK_FALSE(mounted.journal->needs_recovery());
    return mounted.device.contents();
}

// The same by e2fsck, which must find nothing else to mend.
std::vector<std::byte> recovered_by_e2fsck(std::vector<std::byte> contents) {
    auto replayed = test::run_on_image(contents, "e2fsck -fy {}");
    CHECK_MESSAGE(replayed.status <= 1, replayed.output);
    CHECK_MESSAGE(replayed.output.find("recovering journal") != std::string::npos, replayed.output);
    auto checked = test::run_on_image(contents, "e2fsck -fn {}");
    CHECK_MESSAGE(checked.status == 0, checked.output);
    return contents;
}

}  // namespace

TEST_CASE("what was committed is replayed after a crash, by recovery and by e2fsck alike; the rest is not") {
    for (std::uint32_t block_bytes : {1024u, 2048u, 4096u}) {
        for (const char* features :
             {default_features, "64bit,^metadata_csum", "^64bit,metadata_csum", "^64bit,^metadata_csum"}) {
            CAPTURE(block_bytes);
            CAPTURE(std::string(features));
            const Ext4Image& image = test::make_ext4_image(block_bytes, features);
            Mounted mounted(image);
            mounted.fill(0, 'a');
            mounted.fill(1, 'b');
            auto done = mounted.journal->sync();
            REQUIRE(done.ok());
            CHECK(done.value());
            mounted.fill(0, 'c');
            mounted.fill(2, 'd');
            CHECK(mounted.on_device(0) == 's');

            auto ours = recovered(image, mounted.device.contents());
            auto theirs = recovered_by_e2fsck(mounted.device.contents());
            for (const auto* contents : {&ours, &theirs}) {
                CHECK(*mounted.bytes_of(*contents, 0) == std::byte{'a'});
                CHECK(*mounted.bytes_of(*contents, 1) == std::byte{'b'});
                CHECK(*mounted.bytes_of(*contents, 2) == std::byte{'s'});
            }
        }
    }
}

TEST_CASE("a closed journal is empty, and everything is in its place") {
    const Ext4Image& image = test::make_ext4_image(4096, default_features);
    Mounted mounted(image);
    mounted.fill(0, 'a');
    REQUIRE(mounted.journal->close().ok());
    CHECK(mounted.device.unflushed().empty());
    CHECK(mounted.on_device(0) == 'a');
    Mounted again(image, mounted.device.contents());
    CHECK_FALSE(again.journal->needs_recovery());
}

TEST_CASE("a journal that nobody used is not written") {
    Mounted mounted(test::make_ext4_image(4096, default_features));
    { REQUIRE(mounted.journal->begin(4).ok()); }
    CHECK_FALSE(mounted.journal->sync().value());
    REQUIRE(mounted.journal->close().ok());
    CHECK(mounted.device.writes == 0);
    CHECK(mounted.device.flushes == 0);
}

TEST_CASE("a commit costs two flushes and two writes") {
    Mounted mounted(test::make_ext4_image(4096, default_features));
    // mke2fs leaves gaps between the journal's first blocks; behind them it is one piece.
    for (std::size_t i = 0; i < 40; ++i) mounted.fill(i, 'a');
    REQUIRE(mounted.journal->sync().ok());
    std::uint64_t writes = mounted.device.writes, flushes = mounted.device.flushes;
    for (std::size_t i = 0; i < 20; ++i) mounted.fill(i, 'b');
    REQUIRE(mounted.journal->sync().ok());
    CHECK(mounted.device.writes - writes == 2);
    CHECK(mounted.device.flushes - flushes == 2);
}

TEST_CASE("the magic number at the start of a block survives the journal") {
    const Ext4Image& image = test::make_ext4_image(4096, default_features);
    Mounted mounted(image);
    {
        auto handle = mounted.journal->begin(1);
        REQUIRE(handle.ok());
        mounted.fill(handle.value(), 0, 'x');
        auto buffer = mounted.cache->get(image.file_blocks[0]);
        const unsigned char magic[] = {0xc0, 0x3b, 0x39, 0x98};
        std::memcpy(buffer.value()->bytes().data(), magic, 4);
    }
    REQUIRE(mounted.journal->sync().ok());
    auto ours = recovered(image, mounted.device.contents());
    auto theirs = recovered_by_e2fsck(mounted.device.contents());
    for (const auto* contents : {&ours, &theirs}) {
        CHECK(mounted.bytes_of(*contents, 0)[0] == std::byte{0xc0});
        CHECK(mounted.bytes_of(*contents, 0)[4] == std::byte{'x'});
    }
}

TEST_CASE("a forgotten block is not replayed over what lies there since") {
    for (const char* features : {default_features, "^64bit,^metadata_csum"}) {
        const Ext4Image& image = test::make_ext4_image(1024, features);
        Mounted mounted(image);
        mounted.fill(0, 'm');
        mounted.fill(1, 'm');
        REQUIRE(mounted.journal->sync().ok());
        {
            auto handle = mounted.journal->begin(1);
            REQUIRE(handle.ok());
            REQUIRE(handle.value().forget(image.file_blocks[0]).ok());
            REQUIRE(handle.value().forget(image.file_blocks[1]).ok());
        }
        REQUIRE(mounted.journal->sync().ok());
        // Block 0 holds a file's data now, block 1 is metadata again.
        std::memset(mounted.device.contents().data() + image.file_blocks[0] * 1024, 'd', 1024);
        mounted.fill(1, 'n');
        REQUIRE(mounted.journal->sync().ok());
        auto ours = recovered(image, mounted.device.contents());
        auto theirs = recovered_by_e2fsck(mounted.device.contents());
        for (const auto* contents : {&ours, &theirs}) {
            CHECK(*mounted.bytes_of(*contents, 0) == std::byte{'d'});
            CHECK(*mounted.bytes_of(*contents, 1) == std::byte{'n'});
        }
        REQUIRE(mounted.journal->close().ok());
        CHECK(mounted.on_device(0) == 'd');
        CHECK(mounted.on_device(1) == 'n');
    }
}

TEST_CASE("a block that was forgotten and used again in one transaction is replayed") {
    const Ext4Image& image = test::make_ext4_image(1024, default_features);
    Mounted mounted(image);
    mounted.fill(0, 'm');
    REQUIRE(mounted.journal->sync().ok());
    {
        auto handle = mounted.journal->begin(2);
        REQUIRE(handle.ok());
        REQUIRE(handle.value().forget(image.file_blocks[0]).ok());
        auto buffer = mounted.cache->fresh(image.file_blocks[0]);
        REQUIRE(buffer.ok());
        CHECK(buffer.value()->bytes()[0] == std::byte{0});
        REQUIRE(handle.value().modify(*buffer.value()).ok());
        std::memset(buffer.value()->bytes().data(), 'n', 1024);
    }
    REQUIRE(mounted.journal->sync().ok());
    CHECK(*mounted.bytes_of(recovered(image, mounted.device.contents()), 0) == std::byte{'n'});
    CHECK(*mounted.bytes_of(recovered_by_e2fsck(mounted.device.contents()), 0) == std::byte{'n'});
}

TEST_CASE("a hook learns that its transaction is durable, or never will be") {
    struct Hook final : journal::CommitHook {
        void on_end(bool committed) override { (committed ? good : bad) += 1; }
        int good = 0, bad = 0;
    };
    Hook first, second;
    {
        Mounted mounted(test::make_ext4_image(4096, default_features));
        {
            auto handle = mounted.journal->begin(1);
            REQUIRE(handle.ok());
            mounted.fill(handle.value(), 0, 'a');
            handle.value().add_hook(first);
        }
        CHECK(first.good == 0);
        REQUIRE(mounted.journal->sync().ok());
        CHECK(first.good == 1);
        auto handle = mounted.journal->begin(1);
        handle.value().add_hook(second);
        mounted.fill(handle.value(), 0, 'b');
        handle.value().end();
        mounted.device.fail = [](const block::BlockRequest&) { return std::optional(Errno::eio); };
        CHECK(mounted.journal->sync().error() == Errno::eio);
    }
    CHECK(second.good == 0);
    CHECK(second.bad == 1);
}

TEST_CASE("ordered data is written before the commit block, also for both of two transactions") {
    struct Data final : journal::OrderedData {
        explicit Data(MemoryBlockDevice& on) : device(on) {}
        void write_ordered() override {
            ++written;
            flushes = device.flushes;
        }
        MemoryBlockDevice& device;
        int written = 0;
        std::uint64_t flushes = 0;
    };
    Mounted mounted(test::make_ext4_image(4096, default_features));
    mounted.fill(0, 'a');
    REQUIRE(mounted.journal->sync().ok());
    Data data(mounted.device);
    for (int round = 1; round <= 2; ++round) {
        auto handle = mounted.journal->begin(1);
        REQUIRE(handle.ok());
        mounted.fill(handle.value(), 0, 'a' + round);
        handle.value().add_ordered(data);
        handle.value().add_ordered(data);
        handle.value().end();
        std::uint64_t flushes = mounted.device.flushes;
        REQUIRE(mounted.journal->sync().ok());
        CHECK(data.written == round);
        CHECK(data.flushes == flushes);
    }
    auto handle = mounted.journal->begin(1);
    mounted.fill(handle.value(), 0, 'z');
    handle.value().add_ordered(data);
    handle.value().end();
    mounted.journal->drop_ordered(data);
    REQUIRE(mounted.journal->sync().ok());
    CHECK(data.written == 2);
}

TEST_CASE("a write error aborts the journal: changes are refused, nothing hangs, nothing more is written") {
    Mounted mounted(test::make_ext4_image(4096, default_features));
    auto id = mounted.fill(0, 'a');
    mounted.device.fail = [](const block::BlockRequest& request) {
        return request.operation == block::Operation::write ? std::optional(Errno::eio) : std::nullopt;
    };
    CHECK(mounted.journal->commit(id).error() == Errno::eio);
    CHECK(mounted.owner.aborts == 1);
    CHECK(mounted.journal->begin(1).error() == Errno::erofs);
    CHECK(mounted.journal->commit(id).error() == Errno::eio);
    CHECK(mounted.journal->close().error() == Errno::eio);
    CHECK(mounted.owner.aborts == 1);
    CHECK(mounted.device.writes == 0);
}

TEST_CASE("a handle that is open when the journal is aborted ends quietly") {
    Mounted mounted(test::make_ext4_image(4096, default_features));
    auto handle = mounted.journal->begin(2);
    mounted.fill(handle.value(), 0, 'a');
    mounted.journal->abort(Errno::eio, "the file system is damaged");
    auto buffer = mounted.cache->get(mounted.image.file_blocks[1]);
    CHECK(handle.value().modify(*buffer.value()).error() == Errno::erofs);
    CHECK(handle.value().restart(1).error() == Errno::erofs);
    CHECK(mounted.owner.aborts == 1);
}

TEST_CASE("the log goes round many times, and old blocks go home to make room") {
    const Ext4Image& image = test::make_ext4_image(1024, default_features);
    Mounted mounted(image);
    for (int round = 0; round < 300; ++round) {
        {
            auto handle = mounted.journal->begin(30);
            REQUIRE(handle.ok());
            for (std::size_t i = 0; i < 30; ++i) {
                mounted.fill(handle.value(), (i + static_cast<std::size_t>(round)) % 64, round % 251);
            }
        }
        REQUIRE(mounted.journal->sync().ok());
        if (round % 60 != 59) continue;
        auto ours = recovered(image, mounted.device.contents());
        auto theirs = recovered_by_e2fsck(mounted.device.contents());
        for (std::size_t i = 0; i < 64; ++i) {
            auto buffer = mounted.cache->get(image.file_blocks[i]);
            CHECK(std::memcmp(buffer.value()->bytes().data(), mounted.bytes_of(ours, i), 1024) == 0);
            CHECK(std::memcmp(buffer.value()->bytes().data(), mounted.bytes_of(theirs, i), 1024) == 0);
        }
    }
    REQUIRE(mounted.journal->close().ok());
}

TEST_CASE("a handle that would overfill a transaction gets the next one") {
    Mounted mounted(test::make_ext4_image(1024, default_features));
    std::uint32_t most = mounted.journal->max_credits();
    CHECK(mounted.journal->begin(most + 1).error() == Errno::enospc);
    journal::TransactionId first = 0;
    {
        auto handle = mounted.journal->begin(most);
        REQUIRE(handle.ok());
        first = handle.value().transaction();
        mounted.fill(handle.value(), 0, 'a');
        CHECK(handle.value().extend(3 * most).error() == Errno::enospc);
        CHECK(handle.value().extend(most).ok());
        CHECK(handle.value().credits() == most);
    }
    for (std::size_t i = 0; i < 64; ++i) mounted.fill(i, 'b');
    {
        auto handle = mounted.journal->begin(most);
        REQUIRE(handle.ok());
        CHECK(handle.value().transaction() == first);
    }
    for (int i = 0; i < 3; ++i) {
        auto handle = mounted.journal->begin(most);
        REQUIRE(handle.ok());
        for (std::size_t block = 0; block < std::min<std::size_t>(most, 300); ++block) {
            auto buffer = mounted.cache->fresh(mounted.image.file_blocks[0] + 64 + block);
            if (buffer.ok() && i == 0) REQUIRE(handle.value().modify(*buffer.value()).ok());
        }
        if (i != 0) CHECK(handle.value().transaction() != first);
    }
}
