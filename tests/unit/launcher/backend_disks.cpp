// SPDX-License-Identifier: Apache-2.0
// Disk files, overlays and the two engines.
#include "launcher/backend/disk_file.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <string>

#include "launcher/backend/block_map.hpp"
#include "launcher/backend/ext4_image.hpp"
#include "launcher/backend/overlay_file.hpp"
#include "launcher/backend/pool_engine.hpp"
#include "launcher/backend/recording_storage.hpp"
#include "launcher/backend/uring_engine.hpp"
#include "launcher/host/error.hpp"

using namespace husk;
using backend::DiskFile;
using backend::IoKind;
using backend::IoRequest;
using backend::OverlayFile;
using config::DiskCache;

namespace {

constexpr std::size_t block = 4096;

class Folder {
public:
    Folder() {
        std::string name = (std::filesystem::temp_directory_path() / "husk-disk-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        path_ = name;
    }
    ~Folder() { std::filesystem::remove_all(path_); }
    std::filesystem::path make(const std::string& name, std::string_view content) const {
        std::ofstream(path_ / name, std::ios::binary) << content;
        return path_ / name;
    }
    std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

private:
    std::filesystem::path path_;
};

std::string content_of(const std::filesystem::path& path) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
}

host::ExitCode refusal(const std::filesystem::path& path, backend::DiskFileOptions options = {}) {
    try {
        static_cast<void>(DiskFile::open(path, options));
    } catch (const host::Error& error) {
        return error.code();
    }
    return {};
}

std::string read(backend::Storage& storage, std::uint64_t offset, std::size_t size) {
    std::string bytes(size, '?');
    iovec piece{bytes.data(), size};
    CHECK(storage.read(offset, {&piece, 1}) == 0);
    return bytes;
}

void write(backend::Storage& storage, std::uint64_t offset, std::string bytes) {
    const std::size_t middle = bytes.size() / 3;  // in two pieces
    std::array pieces{iovec{bytes.data(), middle}, iovec{bytes.data() + middle, bytes.size() - middle}};
    CHECK(storage.write(offset, pieces) == 0);
}

void check_engine(backend::IoEngine& engine) {
    std::array<std::string, 3> bytes{"abcd", std::string(512, '?'), std::string(512, '?')};
    iovec put{bytes[0].data(), 4};
    std::array get{iovec{bytes[1].data(), 100}, iovec{bytes[1].data() + 100, 412}};
    iovec beyond{bytes[2].data(), 512};
    IoRequest write_request, read_request, flush_request, late_request;
    write_request.kind = IoKind::write;
    write_request.is_durable = true;
    write_request.offset_bytes = 512;
    write_request.pieces = {&put, 1};
    read_request.pieces = get;
    flush_request.kind = IoKind::flush;
    late_request.offset_bytes = 1 << 20;  // behind the end of the file
    late_request.pieces = {&beyond, 1};
    for (IoRequest* request : {&write_request, &read_request, &flush_request, &late_request}) engine.submit(*request);
    engine.start();
    std::vector<IoRequest*> done;
    while (done.size() < 4) {
        engine.wait();
        engine.collect(done);
    }
    CHECK(write_request.error == 0);
    CHECK(read_request.error == 0);
    CHECK(flush_request.error == 0);
    CHECK(late_request.error == EIO);
    CHECK(bytes[1] == std::string(512, '1'));
}

}  // namespace

TEST_CASE("a disk file that cannot be one is refused with its own code") {
    const Folder folder;
    CHECK(refusal(folder / "nothing") == host::ExitCode::disk_unreadable);
    CHECK(refusal(folder / ".") == host::ExitCode::disk_unreadable);
    CHECK(refusal(folder / ".", {.read_only = true}) == host::ExitCode::disk_unreadable);
    CHECK(refusal(folder.make("empty", "")) == host::ExitCode::bad_disk);
    CHECK(refusal(folder.make("odd", std::string(513, 'x'))) == host::ExitCode::bad_disk);
    CHECK(refusal("/dev/null") == host::ExitCode::bad_disk);
}

TEST_CASE("a disk has one writer or many readers") {
    const Folder folder;
    const auto path = folder.make("disk", std::string(512, 'x'));
    {
        const DiskFile writer = DiskFile::open(path, {});
        CHECK(refusal(path) == host::ExitCode::disk_in_use);
        CHECK(refusal(path, {.read_only = true}) == host::ExitCode::disk_in_use);
    }
    const DiskFile reader = DiskFile::open(path, {.read_only = true});
    CHECK(refusal(path, {.read_only = true}) == host::ExitCode{});
    CHECK(refusal(path) == host::ExitCode::disk_in_use);
}

TEST_CASE("both engines carry out many operations and report errors") {
    const Folder folder;
    for (const bool with_uring : {false, true}) {
        const auto path = folder.make("disk", std::string(512, '1') + std::string(512, '2'));
        DiskFile file = DiskFile::open(path, {});
        if (with_uring) {
            const auto engine = backend::UringEngine::try_create(file);
            if (engine == nullptr) {
                MESSAGE("this kernel has no io_uring");
                continue;
            }
            check_engine(*engine);
        } else {
            backend::PoolEngine engine(file);
            check_engine(engine);
        }
        CHECK(content_of(path).substr(510, 8) == "11abcd22");
    }
}

TEST_CASE("zeroed and discarded ranges read as zeros") {
    const Folder folder;
    DiskFile file = DiskFile::open(folder.make("disk", std::string(4 * block, 'x')), {});
    CHECK(file.write_zeroes(block, block, true) == 0);
    CHECK(file.write_zeroes(2 * block, 512, false) == 0);
    CHECK(read(file, block - 1, 3) == std::string("x\0\0", 3));
    CHECK(read(file, 2 * block + 511, 2) == std::string("\0x", 2));
    CHECK(file.discard(0, block) == 0);
    CHECK(read(file, 3 * block, 1) == "x");
}

TEST_CASE("an overlay takes the writes, survives, and leaves its base alone") {
    const Folder folder;
    const std::string original = std::string(3 * block, 'a') + std::string(512, 'b');  // a last block that is none
    const auto base = folder.make("base", original);
    const auto open_base = [&] { return DiskFile::open(base, {.read_only = true}); };
    std::string expected = original;
    {
        OverlayFile overlay(open_base(), folder / "delta", DiskCache::writeback);
        CHECK(overlay.size_bytes() == original.size());
        std::mt19937 random(1);
        for (int i = 0; i < 300; ++i) {
            const std::size_t offset = random() % expected.size();
            const std::size_t size = 1 + random() % (expected.size() - offset);
            const std::string bytes(size, static_cast<char>('A' + i % 26));
            if (i % 10 == 3) {
                CHECK(overlay.write_zeroes(offset, size, i % 20 == 3) == 0);
                expected.replace(offset, size, size, '\0');
            } else {
                write(overlay, offset, bytes);
                expected.replace(offset, size, bytes);
            }
            if (i % 50 == 0) CHECK(overlay.flush() == 0);
            CHECK(read(overlay, 0, expected.size()) == expected);
        }
    }
    CHECK(content_of(base) == original);
    OverlayFile again(open_base(), folder / "delta", DiskCache::writeback);
    CHECK(read(again, 0, expected.size()) == expected);
}

TEST_CASE("what an overlay was not told to flush may be lost, and nothing else") {
    const Folder folder;
    const auto base = folder.make("base", std::string(2 * block, 'a'));
    OverlayFile overlay(DiskFile::open(base, {.read_only = true}), folder / "delta", DiskCache::writeback);
    write(overlay, 0, std::string(block, 'F'));
    CHECK(overlay.flush() == 0);
    write(overlay, block, std::string(block, 'N'));
    // As a power cut would find it.
    std::filesystem::copy_file(folder / "delta", folder / "copy");
    OverlayFile after(DiskFile::open(base, {.read_only = true}), folder / "copy", DiskCache::writeback);
    CHECK(read(after, 0, block) == std::string(block, 'F'));
    CHECK(read(after, block, block) == std::string(block, 'a'));
}

TEST_CASE("a file that is no overlay of this disk is refused") {
    const Folder folder;
    const auto small = folder.make("small", std::string(block, 'a')),
               large = folder.make("large", std::string(2 * block, 'a'));
    const auto refused = [&](const std::filesystem::path& base, const std::filesystem::path& path) {
        try {
            const OverlayFile overlay(DiskFile::open(base, {.read_only = true}), path, DiskCache::writeback);
        } catch (const host::Error& error) {
            return error.code();
        }
        return host::ExitCode{};
    };
    CHECK(refused(small, folder / "delta") == host::ExitCode{});
    CHECK(refused(large, folder / "delta") == host::ExitCode::bad_disk);
    CHECK(refused(small, folder.make("text", "no overlay")) == host::ExitCode::bad_disk);
    CHECK(refused(small, folder / "no-folder/delta") == host::ExitCode::disk_unreadable);
    std::filesystem::resize_file(folder / "delta", 5000);
    CHECK(refused(small, folder / "delta") == host::ExitCode::bad_disk);
}

TEST_CASE("a record has every change, and says which of them a flush has reached") {
    const Folder folder;
    backend::RecordingStorage storage(
        std::make_unique<DiskFile>(DiskFile::open(folder.make("disk", std::string(block, 'x')), {})),
        folder / "record");
    write(storage, 512, "abc");
    CHECK(storage.flush() == 0);
    CHECK(storage.discard(1024, 512) == 0);
    CHECK(read(storage, 511, 5) == "xabcx");
    CHECK(read(storage, 1024, 1) == std::string(1, '\0'));
    const std::string record = content_of(folder / "record");
    REQUIRE(record.size() == 3 * sizeof(backend::RecordEntry) + 3);
    std::array<backend::RecordEntry, 3> entries{};
    std::memcpy(&entries[0], record.data(), sizeof entries[0]);
    std::memcpy(&entries[1], record.data() + sizeof entries[0] + 3, 2 * sizeof entries[0]);
    CHECK(entries[0].kind == backend::RecordKind::write);
    CHECK(entries[0].offset == 512);
    CHECK(record.substr(sizeof entries[0], 3) == "abc");
    CHECK(entries[1].kind == backend::RecordKind::flush);
    CHECK(entries[1].offset == 1);
    CHECK(entries[2].kind == backend::RecordKind::zero);
    CHECK(entries[2].size_bytes == 512);
}

TEST_CASE("a block map knows runs and which of its pages have changed") {
    backend::BlockMap map(100'000);
    CHECK(map.run_length(0, 100'000) == 100'000);
    map.insert(9, 40'000);
    CHECK(map.contains(9));
    CHECK_FALSE(map.contains(8));
    CHECK(map.run_length(3, 100'000) == 6);
    CHECK(map.run_length(9, 100'000) == 39'991);
    CHECK(map.run_length(9, 20) == 11);
    CHECK(map.take_dirty_pages() == std::vector<std::size_t>{0, 1});
    CHECK(map.take_dirty_pages().empty());
    map.insert(9, 40'000);
    CHECK(map.take_dirty_pages().empty());
    map.mark_dirty(1);
    CHECK(map.take_dirty_pages() == std::vector<std::size_t>{1});
}

TEST_CASE("a folder becomes an image, and a new disk replaces nothing") {
    const Folder folder;
    static_cast<void>(folder.make("some-file", std::string(10'000, 'x')));
    const backend::DirectoryImage image = backend::make_directory_image(folder / ".");
    CHECK(image.size_bytes > 10'000);
    std::array<char, 2> magic{};
    CHECK(::pread(image.fd.get(), magic.data(), 2, 1024 + 56) == 2);
    CHECK(std::string_view(magic.data(), 2) == "\x53\xef");  // s_magic of the superblock
    CHECK_THROWS_AS(static_cast<void>(backend::make_directory_image(folder / "some-file")), host::Error);

    backend::create_ext4(folder / "new.img", {.size_bytes = 8 << 20, .label = "husk"});
    CHECK(std::filesystem::file_size(folder / "new.img") == 8 << 20);
    CHECK_THROWS_AS(backend::create_ext4(folder / "new.img", {.size_bytes = 8 << 20}), host::Error);
    CHECK_THROWS_AS(backend::create_ext4(folder / "tiny.img", {.size_bytes = 4096}), host::Error);
    CHECK_FALSE(std::filesystem::exists(folder / "tiny.img"));
}
