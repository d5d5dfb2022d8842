// SPDX-License-Identifier: Apache-2.0
#include "launcher/run/crash_view.hpp"

#include <doctest/doctest.h>

using namespace husk;

namespace {

constexpr std::uint64_t record_at = 0x1000;

struct Fixture {
    std::optional<abi::CrashRecord> read() const {
        REQUIRE(memory.copy_out({record_at}, std::as_bytes(std::span(&record, 1))));
        return run::try_read_crash_record(memory, {record_at});
    }
    memory::GuestMemory memory = memory::GuestMemory::create(8 << 20, config::HugePages::off);
    abi::CrashRecord record{abi::CrashKind::signal, 11, 1, 2, 0xdead, 0x2000, 0x3000, 3, 10, 0x4000};
};

}  // namespace

TEST_CASE("a record whose parts are in memory is taken as it is") {
    const auto record = Fixture().read();
    REQUIRE(record);
    CHECK(record->thread_count == 2);
    CHECK(record->mapping_count == 3);
    CHECK(record->message_bytes == 10);
}

TEST_CASE("a part outside of memory is left out, whatever its size makes of the sum") {
    Fixture fixture;
    fixture.record.threads_gpa = UINT64_MAX - 8;
    fixture.record.mapping_count = UINT32_MAX;
    fixture.record.message_gpa = (8 << 20) - 5;
    const auto record = fixture.read();
    REQUIRE(record);
    CHECK(record->thread_count == 0);
    CHECK(record->mapping_count == 0);
    CHECK(record->message_bytes == 0);
    CHECK(record->signal == 11);
}

TEST_CASE("a record of no known kind, or outside of memory, is none") {
    Fixture fixture;
    fixture.record.kind = abi::CrashKind{3};
    CHECK_FALSE(fixture.read());
    CHECK_FALSE(run::try_read_crash_record(fixture.memory, {8 << 20}));
}
