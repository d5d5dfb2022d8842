// SPDX-License-Identifier: Apache-2.0
#include "launcher/boot/page_table_builder.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "tests/unit/launcher/page_walk.hpp"

using namespace husk;
using boot::PageSize;
using boot::PageTableBuilder;

namespace {

constexpr std::uint64_t tables_at = 0x10000;
constexpr std::uint64_t kib = 1024;
constexpr std::uint64_t mib = 1024 * kib;
constexpr std::uint64_t gib = 1024 * mib;

struct Tables {
    explicit Tables(std::size_t pages = 64, PageSize largest = PageSize::giant)
        : words(pages * 512), builder(words, {tables_at}, largest) {}

    auto walk(std::uint64_t virt) const { return test::walk(words, tables_at, virt); }

    std::vector<std::uint64_t> words;
    PageTableBuilder builder;
};

}  // namespace

TEST_CASE("a mapped page is found with its permissions, accessed and dirty in advance") {
    Tables tables;
    REQUIRE(tables.builder.map({0x400000}, {0x7000}, 4 * kib, {.user = true, .executable = true}, PageSize::small));
    const auto page = tables.walk(0x400123);
    REQUIRE(page);
    CHECK(page->phys == 0x7123);
    CHECK(page->page_bytes == 4 * kib);
    CHECK(page->user);
    CHECK(page->executable);
    CHECK_FALSE(page->writable);
    CHECK(page->accessed);
    CHECK(page->dirty);
    CHECK_FALSE(tables.walk(0x3fffff));
    CHECK_FALSE(tables.walk(0x401000));
}

TEST_CASE("pages are as large as alignment of both addresses, size and wish allow") {
    Tables tables;
    const std::uint64_t virt = 64 * gib + 1 * gib - 2 * mib - 4 * kib;
    const std::uint64_t phys = 5 * gib - 2 * mib - 4 * kib;
    const std::uint64_t size = 4 * kib + 2 * mib + 2 * gib + 2 * mib + 8 * kib;
    REQUIRE(tables.builder.map({virt}, {phys}, size, {.writable = true}, PageSize::giant));
    const auto page_bytes = [&](std::uint64_t offset) { return tables.walk(virt + offset)->page_bytes; };
    CHECK(page_bytes(0) == 4 * kib);
    CHECK(page_bytes(4 * kib) == 2 * mib);
    CHECK(page_bytes(4 * kib + 2 * mib) == gib);
    CHECK(page_bytes(4 * kib + 2 * mib + gib) == gib);
    CHECK(page_bytes(4 * kib + 2 * mib + 2 * gib) == 2 * mib);
    CHECK(page_bytes(size - 8 * kib) == 4 * kib);
    CHECK(page_bytes(size - 4 * kib) == 4 * kib);
    CHECK_FALSE(tables.walk(virt + size));
    for (std::uint64_t offset = 0; offset < size; offset += 3 * mib / 4 * 4)
        CHECK(tables.walk(virt + offset)->phys == phys + offset);

    Tables skewed;
    REQUIRE(skewed.builder.map({2 * mib}, {2 * mib + 4 * kib}, 2 * mib, {}, PageSize::giant));
    CHECK(skewed.walk(2 * mib)->page_bytes == 4 * kib);

    Tables large_only(64, PageSize::large);
    REQUIRE(large_only.builder.map({gib}, {gib}, gib, {}, PageSize::giant));
    CHECK(large_only.walk(gib)->page_bytes == 2 * mib);
}

TEST_CASE("neighbouring ranges share tables and do not disturb each other") {
    Tables tables;
    REQUIRE(tables.builder.map({0}, {0x100000}, 64 * kib, {.user = true}, PageSize::small));
    REQUIRE(tables.builder.map({64 * kib}, {0x300000}, 64 * kib, {.writable = true}, PageSize::small));
    CHECK(tables.builder.end() == abi::GuestPhys{tables_at + 4 * abi::page_size});
    CHECK(tables.walk(64 * kib - 1)->user);
    CHECK_FALSE(tables.walk(64 * kib)->user);
    CHECK(tables.walk(64 * kib)->phys == 0x300000);
}

TEST_CASE("running out of table pages is reported and nothing is written past the end") {
    Tables tables(4);
    CHECK(tables.builder.map({0}, {0}, 4 * kib, {}, PageSize::small));
    CHECK_FALSE(tables.builder.map({gib}, {0}, 4 * kib, {}, PageSize::small));
    CHECK(tables.builder.end() == abi::GuestPhys{tables_at + 4 * abi::page_size});
}
