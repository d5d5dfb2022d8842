// SPDX-License-Identifier: Apache-2.0
#include "launcher/boot/apply_patches.hpp"
#include "launcher/boot/load_image.hpp"

#include <doctest/doctest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "launcher/host/error.hpp"

using namespace husk;

namespace {

constexpr std::uint64_t text_begin = 0x400000;
constexpr std::uint64_t text_bytes = 0x1000;
constexpr std::uint64_t table_at = 0x402000;

struct Fixture {
    Fixture() {
        image.segments = {{{text_begin}, 0, text_bytes, text_bytes, true, false, true},
                          {{table_at}, text_bytes, 0x100, 0x2000, true, true, false}};
        image.note.patch_table = table_at;
    }

    void add(std::uint32_t site, std::uint32_t stub, std::uint8_t length) {
        image.patches.push_back({site, stub, length, 1, 0});
    }
    [[nodiscard]] std::string patched(std::uint64_t at, std::size_t size_bytes) const {
        std::string bytes(size_bytes, '\0');
        REQUIRE(memory.copy_in({at}, std::as_writable_bytes(std::span(bytes))));
        return bytes;
    }
    [[nodiscard]] bool is_refused() const {
        try {
            boot::apply_patches(image, memory);
        } catch (const host::Error& error) {
            return error.code() == host::ExitCode::patch_table;
        }
        return false;
    }

    memory::GuestMemory memory = memory::GuestMemory::create(16 << 20, config::HugePages::off);
    image::Image image;
};

}  // namespace

TEST_CASE("a patch is a jump to its stub, filled up with nops, and the table says so") {
    Fixture fixture;
    fixture.add(0x400100, 0x400800, 7);
    fixture.add(0x400010, 0x400700, 5);  // the order in the table does not matter
    boot::apply_patches(fixture.image, fixture.memory);
    CHECK(fixture.patched(0x400100, 8) == std::string("\xe9\xfb\x06\x00\x00\x90\x90\x00", 8));
    CHECK(fixture.patched(0x400010, 6) == std::string("\xe9\xeb\x06\x00\x00\x00", 6));
    CHECK(fixture.patched(table_at + 52, 4) == std::string("\1\0\0\0", 4));
}

TEST_CASE("a stub may lie before its site") {
    Fixture fixture;
    fixture.add(0x400800, 0x400000, 5);
    boot::apply_patches(fixture.image, fixture.memory);
    CHECK(fixture.patched(0x400800, 5) == std::string("\xe9\xfb\xf7\xff\xff", 5));
}

TEST_CASE("a patch that does not fit its image is refused before it is written") {
    const auto refused = [](std::uint32_t site, std::uint32_t stub, std::uint8_t length) {
        Fixture fixture;
        fixture.add(site, stub, length);
        const bool is_refused = fixture.is_refused();
        CHECK(fixture.patched(0x400ff0, 16) == std::string(16, '\0'));
        return is_refused;
    };
    CHECK(refused(0x400100, 0x400800, 4));
    CHECK(refused(0x400100, 0x400800, 33));
    CHECK(refused(0x400ffc, 0x400800, 5));  // over the end of the text
    CHECK(refused(0x3fffff, 0x400800, 5));  // before it
    CHECK(refused(0x402000, 0x400800, 5));  // data
    CHECK(refused(0x400100, 0x402000, 5));  // stub in data
    CHECK(refused(0x400100, 0x401000, 5));  // stub behind the text
    CHECK(refused(0xffffffff, 0x400800, 5));
    CHECK(refused(0x400100, 0xffffffff, 5));
    CHECK_FALSE(refused(0x400100, 0x400800, 32));
}

TEST_CASE("patches that overlap are refused") {
    Fixture fixture;
    fixture.add(0x400100, 0x400800, 7);
    fixture.add(0x400106, 0x400800, 5);
    CHECK(fixture.is_refused());
}

TEST_CASE("segments are read to where they are linked and the rest stays zero") {
    Fixture fixture;
    fixture.image.file = host::FileDescriptor(::memfd_create("image", MFD_CLOEXEC));
    const std::string content = std::string(text_bytes, 't') + std::string(0x100, 'd');
    REQUIRE(::write(fixture.image.file.get(), content.data(), content.size()) == static_cast<ssize_t>(content.size()));
    boot::load_image(fixture.image, fixture.memory);
    CHECK(fixture.patched(text_begin + text_bytes - 1, 2) == std::string("t\0", 2));
    CHECK(fixture.patched(table_at + 0xff, 2) == std::string("d\0", 2));

    REQUIRE(::ftruncate(fixture.image.file.get(), 0x800) == 0);
    CHECK_THROWS_AS(boot::load_image(fixture.image, fixture.memory), host::Error);

    fixture.image.segments[0].begin = {1ull << 40};
    CHECK_THROWS_AS(boot::load_image(fixture.image, fixture.memory), host::Error);
}
