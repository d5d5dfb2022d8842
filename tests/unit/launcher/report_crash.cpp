// SPDX-License-Identifier: Apache-2.0
#include "launcher/report/crash.hpp"

#include <doctest/doctest.h>
#include <elf.h>

#include <csignal>
#include <cstring>
#include <fstream>
#include <iterator>

#include <husk/abi/machine.hpp>

#include "launcher/host/error.hpp"
#include "launcher/report/core_file.hpp"
#include "launcher/report/crash_text.hpp"
#include "launcher/report/guest_pages.hpp"
#include "launcher/report/isolated.hpp"
#include "tests/unit/launcher/temporary_file.hpp"

using namespace husk;
using report::GuestPages;

namespace {

constexpr std::uint64_t memory_bytes = 8 << 20;

memory::GuestMemory make_memory() { return memory::GuestMemory::create(memory_bytes, config::HugePages::off); }

template <class Value>
void put(const memory::GuestMemory& memory, std::uint64_t gpa, const Value& value) {
    REQUIRE(memory.copy_out({gpa}, std::as_bytes(std::span(&value, 1))));
}

void put_entry(const memory::GuestMemory& memory, std::uint64_t table, std::uint64_t index, std::uint64_t entry) {
    put(memory, table + index * 8, entry);
}

// 0x400000 -> gpa 0x200000 (4 KiB), 0x401000 absent, 0x402000 -> 0x201000, 0x600000 -> 0x400000 (2 MiB).
void map_pages(const memory::GuestMemory& memory) {
    constexpr std::uint64_t present = abi::pte::present;
    put_entry(memory, 0x1000, 0, 0x2000 | present);
    put_entry(memory, 0x2000, 0, 0x3000 | present);
    put_entry(memory, 0x3000, 2, 0x4000 | present);
    put_entry(memory, 0x3000, 3, 0x400000 | present | abi::pte::large);
    put_entry(memory, 0x4000, 0, 0x200000 | present);
    put_entry(memory, 0x4000, 2, 0x201000 | present);
}

std::vector<char> read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace

TEST_CASE("guest memory is read through the guest's page tables") {
    const auto memory = make_memory();
    map_pages(memory);
    put(memory, 0x200ff8, std::uint64_t{1});
    put(memory, 0x201008, std::uint64_t{2});
    put(memory, 0x4abcd0, std::uint64_t{3});
    const GuestPages pages(memory, {0x1000});
    const auto read_word = [&](std::uint64_t address) {
        std::uint64_t word = 0;
        return pages.copy_in({address}, std::as_writable_bytes(std::span(&word, 1))) ? word : 0;
    };
    CHECK(read_word(0x400ff8) == 1);
    CHECK(read_word(0x402008) == 2);
    CHECK(read_word(0x6abcd0) == 3);
    CHECK(read_word(0x401000) == 0);
    CHECK(read_word(0x400ffc) == 0);  // its second half is not mapped
    CHECK(read_word(0xffff'8000'0000'0000) == 0);
}

TEST_CASE("only present pages are visited, cut to the range") {
    const auto memory = make_memory();
    map_pages(memory);
    const GuestPages pages(memory, {0x1000});
    std::vector<std::pair<std::uint64_t, std::size_t>> seen;
    CHECK(pages.for_each_page({0x400000}, {0x601000}, [&](const report::GuestPage& page) {
        seen.emplace_back(page.begin.value, page.bytes.size());
        return true;
    }));
    CHECK(seen == decltype(seen){{0x400000, 0x1000}, {0x402000, 0x1000}, {0x600000, 0x1000}});
}

TEST_CASE("page tables that point at themselves or outside of memory neither hang nor crash") {
    const auto memory = make_memory();
    for (std::uint64_t i = 0; i < 512; ++i) put_entry(memory, 0x1000, i, 0x1000 | abi::pte::present);
    put_entry(memory, 0x1000, 1, 0x000f'ffff'ffff'f000 | abi::pte::present);
    const GuestPages pages(memory, {0x1000});
    std::uint64_t visited = 0;
    pages.for_each_page({0}, {1ull << 47}, [&](const report::GuestPage&) { return ++visited < 1'000'000; });
    CHECK(visited == 1'000'000);
    const GuestPages nowhere(memory, {~0ull});
    CHECK(nowhere.for_each_page({0}, {1ull << 47}, [](const report::GuestPage&) { return true; }));
}

TEST_CASE("a hostile crash record is cut down to what makes sense") {
    const auto memory = make_memory();
    abi::CrashRecord record{};
    record.kind = abi::CrashKind::signal;
    record.thread_count = UINT32_MAX;
    record.threads_gpa = memory_bytes - 8;
    record.mapping_count = 4;
    record.mappings_gpa = 0x5000;
    record.message_bytes = 6;
    record.message_gpa = 0x6000;
    const abi::CrashMapping mappings[4] = {
        {0x1000, 0x2000, 1, 0}, {0x1000, 0x3000, 1, 0}, {0x5000, 0x4000, 1, 0}, {0x5000, 0x6001, 1, 0}};
    put(memory, 0x5000, mappings);
    put(memory, 0x6000, "\x1b[2Jhi");
    const report::Crash crash = report::read_crash(record, memory);
    CHECK(crash.damaged);
    CHECK(crash.threads.empty());
    CHECK(crash.mappings.size() == 1);
    CHECK(crash.message == "?[2Jhi");
}

TEST_CASE("the cause is told with signal, address, meaning and thread") {
    report::Crash crash;
    crash.record.kind = abi::CrashKind::signal;
    crash.record.signal = 11;
    crash.record.signal_code = 1;
    crash.record.fault_address = 0x10;
    crash.threads.resize(1);
    crash.threads[0].tid = 7;
    std::memcpy(crash.threads[0].name, "worker", 7);
    CHECK(report::describe_cause(crash) ==
          "the application was ended by SIGSEGV at 0x10 (address not mapped) in thread 7 (worker)");
    crash.record.signal = 6;
    crash.record.signal_code = -6;
    CHECK(report::describe_cause(crash) == "the application was ended by SIGABRT in thread 7 (worker)");
    crash.record.kind = abi::CrashKind::panic;
    crash.message = "no frames left";
    CHECK(report::describe_cause(crash) == "the guest runtime failed in thread 7 (worker): no frames left");
}

TEST_CASE("recursion and long chains of calls are summed up") {
    report::Backtrace backtrace;
    const auto describe = [](const report::Frame& frame) { return std::to_string(frame.pc); };
    for (const std::uint64_t pc : {1, 2, 2, 2, 3}) backtrace.frames.push_back({pc, pc});
    CHECK(report::list_frames(backtrace, describe) == "  #0 1\n  #1 2\n  ... the same call 2 times more\n  #4 3\n");

    backtrace.frames.clear();
    for (std::uint64_t pc = 0; pc < 1000; ++pc) backtrace.frames.push_back({pc, pc});
    const std::string text = report::list_frames(backtrace, describe);
    CHECK(text.find("  #39 39\n  ... 940 calls left out\n  #980 980\n") != std::string::npos);
    CHECK(text.ends_with("  #999 999\n"));
}

TEST_CASE("a core file has the threads' notes and the mapped pages at their places") {
    const auto memory = make_memory();
    map_pages(memory);
    put(memory, 0x201000, std::uint64_t{0x1122334455667788});
    report::Crash crash;
    crash.record.kind = abi::CrashKind::signal;
    crash.record.signal = 11;
    crash.threads.resize(2);
    crash.threads[0].tid = 5;
    crash.threads[0].registers.rip = 0x401234;
    crash.mappings = {{0x400000, 0x404000, 5, 0}, {0x10000000, 0x20000000, 0, 0}};
    image::Image image;
    image.segments = {{{0x400000}, 0, 0x1000, 0x1000, true, false, true}};
    const auto notes = report::make_core_notes(
        crash, image, "/app", {7, 832},
        [](const auto&, std::uint32_t size_bytes) { return std::vector<std::byte>(size_bytes); });
    const test::TemporaryFile file;
    const std::string& path = file.path();
    report::write_core_file(path, crash, GuestPages(memory, {0x1000}), notes, memory_bytes);
    const std::vector<char> bytes = read_file(path);

    Elf64_Ehdr header;
    REQUIRE(bytes.size() > sizeof(header));
    std::memcpy(&header, bytes.data(), sizeof(header));
    CHECK(header.e_type == ET_CORE);
    REQUIRE(header.e_phnum == 3);
    Elf64_Phdr segments[3];
    std::memcpy(segments, bytes.data() + header.e_phoff, sizeof(segments));
    CHECK(segments[0].p_type == PT_NOTE);
    CHECK(segments[1].p_vaddr == 0x400000);
    CHECK(segments[1].p_filesz == 0x3000);
    CHECK(segments[1].p_memsz == 0x4000);
    CHECK(segments[1].p_flags == (PF_R | PF_X));
    CHECK(segments[2].p_filesz == 0);
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + segments[1].p_offset + 0x2000, sizeof(word));
    CHECK(word == 0x1122334455667788);

    Elf64_Nhdr first;
    std::memcpy(&first, bytes.data() + segments[0].p_offset, sizeof(first));
    CHECK(first.n_type == NT_PRSTATUS);
    CHECK(first.n_descsz == 336);
}

TEST_CASE("a core file that cannot be written is an error with its name") {
    const auto memory = make_memory();
    CHECK_THROWS_WITH_AS(report::write_core_file("/nowhere/core", {}, GuestPages(memory, {0}), {}, memory_bytes),
                         doctest::Contains("/nowhere/core"), host::Error);
}

TEST_CASE("what runs isolated may crash without harm") {
    CHECK(report::run_isolated([] { return std::string("text"); }) == "text");
    CHECK_FALSE(report::run_isolated([]() -> std::string { throw std::runtime_error("no"); }).has_value());
    CHECK_FALSE(report::run_isolated([]() -> std::string {
                    raise(SIGKILL);
                    return "";
                }).has_value());
}
