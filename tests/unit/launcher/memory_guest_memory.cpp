// SPDX-License-Identifier: Apache-2.0
#include "launcher/memory/guest_memory.hpp"

#include <doctest/doctest.h>

#include <husk/abi/memory_layout.hpp>

#include "launcher/host/error.hpp"

using namespace husk;
using memory::GuestMemory;

namespace {

constexpr std::uint64_t mib = 1 << 20;
constexpr std::uint64_t gib = 1 << 30;

}  // namespace

TEST_CASE("a range is given out only when all of it is memory") {
    const auto memory = GuestMemory::create(8 * mib, config::HugePages::off);
    CHECK(memory.try_span({0}, 8 * mib).size() == 8 * mib);
    CHECK(memory.try_span({8 * mib - 1}, 1).size() == 1);
    CHECK(memory.try_span({8 * mib - 1}, 2).empty());
    CHECK(memory.try_span({8 * mib}, 1).empty());
    CHECK(memory.try_span({0}, 8 * mib + 1).empty());
    CHECK(memory.try_span({1}, UINT64_MAX).empty());
    CHECK(memory.try_span({UINT64_MAX}, 2).empty());
    CHECK(memory.try_span({UINT64_MAX - 1}, UINT64_MAX).empty());
}

TEST_CASE("memory goes on behind the MMIO hole and no range crosses it") {
    const auto memory = GuestMemory::create(5 * gib, config::HugePages::off);
    CHECK(memory.regions().size() == 2);
    CHECK(memory.try_span({3 * gib - 1}, 1).size() == 1);
    CHECK(memory.try_span({3 * gib - 1}, 2).empty());
    CHECK(memory.try_span({3 * gib}, 1).empty());
    CHECK(memory.try_span({4 * gib - 1}, 1).empty());
    CHECK(memory.try_span({4 * gib}, 2 * gib).size() == 2 * gib);
    CHECK(memory.try_span({4 * gib}, 2 * gib + 1).empty());
    CHECK(memory.try_span({3 * gib - 1}, 1).data() + 1 == memory.try_span({4 * gib}, 1).data());
}

TEST_CASE("what is copied to the guest can be copied back, and outside of it nothing is") {
    const auto memory = GuestMemory::create(8 * mib, config::HugePages::off);
    const std::uint64_t value = 0x1122334455667788;
    CHECK(memory.copy_out({4093}, std::as_bytes(std::span(&value, 1))));
    CHECK(memory.copy_in<std::uint64_t>({4093}) == value);
    CHECK_FALSE(memory.copy_out({8 * mib - 7}, std::as_bytes(std::span(&value, 1))));
    CHECK_FALSE(memory.copy_in<std::uint64_t>({8 * mib - 7}));
    CHECK_FALSE(memory.copy_in<std::uint64_t>({UINT64_MAX - 3}));
}

TEST_CASE("a shared struct must be aligned, words must begin on a page") {
    const auto memory = GuestMemory::create(8 * mib, config::HugePages::off);
    CHECK(memory.try_shared<std::uint64_t>({4096}) != nullptr);
    CHECK(memory.try_shared<std::uint64_t>({4097}) == nullptr);
    CHECK(memory.try_shared<std::uint64_t>({8 * mib}) == nullptr);
    CHECK(memory.try_words({4096}, 8192).size() == 1024);
    CHECK(memory.try_words({4104}, 8192).empty());
}

TEST_CASE("memory is backed on first touch only") {
    const auto memory = GuestMemory::create(64 * mib, config::HugePages::off);
    CHECK(memory.resident_bytes() == 0);
    memory.try_span({10 * mib}, 1)[0] = std::byte{1};
    CHECK(memory.resident_bytes() == abi::page_size);
    memory.prefault({0}, 64 << 10);
    CHECK(memory.resident_bytes() == abi::page_size + (64 << 10));
}

TEST_CASE("sizes are rounded up to pages, and too little is refused") {
    CHECK(GuestMemory::create(8 * mib + 1, config::HugePages::automatic).size_bytes() == 8 * mib + abi::page_size);
    CHECK_THROWS_AS(static_cast<void>(GuestMemory::create(4 * mib - 1, config::HugePages::automatic)), host::Error);
}

TEST_CASE("huge pages that the host does not have are refused with advice") {
    try {
        static_cast<void>(GuestMemory::create(1024 * gib, config::HugePages::size_1g));
        FAIL("there can hardly be a thousand giant pages");
    } catch (const host::Error& error) {
        CHECK(error.code() == host::ExitCode::no_huge_pages);
        CHECK(std::string(error.what()).find("nr_hugepages") != std::string::npos);
    }
}
