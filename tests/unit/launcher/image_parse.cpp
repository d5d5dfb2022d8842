// SPDX-License-Identifier: Apache-2.0
#include "launcher/image/parse_image.hpp"

#include <doctest/doctest.h>

#include <functional>

#include "launcher/host/error.hpp"
#include "tests/unit/launcher/elf_builder.hpp"

namespace {

using namespace husk;
using host::ExitCode;
using test::ElfBuilder;

struct Refusal {
    ExitCode code{};
    std::string sentence;
};

Refusal refusal_of(std::span<const std::byte> bytes) {
    try {
        static_cast<void>(image::parse_image(image::MemorySource(bytes), "app"));
    } catch (const host::Error& error) {
        return {error.code(), error.what()};
    }
    return {};
}

Refusal refusal_after(const std::function<void(ElfBuilder&)>& change) {
    ElfBuilder builder;
    change(builder);
    return refusal_of(builder.build());
}

void check_refused(ExitCode code, std::string_view part, const std::function<void(ElfBuilder&)>& change) {
    const Refusal refusal = refusal_after(change);
    INFO("sentence: ", refusal.sentence);
    CHECK(refusal.code == code);
    CHECK(refusal.sentence.starts_with("app "));
    CHECK(refusal.sentence.find(part) != std::string::npos);
}

}  // namespace

TEST_CASE("a correct image is read with its segments, note and patches") {
    const auto bytes = ElfBuilder().build();
    const image::Image image = image::parse_image(image::MemorySource(bytes), "app");
    CHECK(image.entry == ElfBuilder::code);
    REQUIRE(image.segments.size() == 3);
    CHECK(image.segments[1].executable);
    CHECK_FALSE(image.segments[1].writable);
    CHECK(image.segments[2].begin.value == ElfBuilder::data);
    CHECK(image.segments[2].file_bytes == 0x100);
    CHECK(image.segments[2].memory_bytes == 0x3000);
    CHECK(image.patch_header.unpatched_sites == 2);
    REQUIRE(image.patches.size() == 1);
    CHECK(image.patches[0].length == 7);
}

TEST_CASE("an image without a patch table is an image") {
    ElfBuilder builder;
    builder.note.patch_table = 0;
    const auto bytes = builder.build();
    CHECK(image::parse_image(image::MemorySource(bytes), "app").patches.empty());
}

TEST_CASE("every beginning of an image is refused without reading behind its end") {
    const auto bytes = ElfBuilder().build();
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        const std::vector<std::byte> beginning(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
        const Refusal refusal = refusal_of(beginning);
        const bool expected = refusal.code == ExitCode::not_elf || refusal.code == ExitCode::truncated_elf;
        CHECK_MESSAGE(expected, "at ", size, ": ", refusal.sentence);
    }
}

TEST_CASE("files that are no static x86-64 executables are refused by what they are") {
    check_refused(ExitCode::not_elf, "not an ELF", [](ElfBuilder& b) { b.header.e_ident[0] = 'M'; });
    check_refused(ExitCode::wrong_machine, "32-bit", [](ElfBuilder& b) { b.header.e_ident[EI_CLASS] = ELFCLASS32; });
    check_refused(ExitCode::wrong_machine, "little-endian",
                  [](ElfBuilder& b) { b.header.e_ident[EI_DATA] = ELFDATA2MSB; });
    check_refused(ExitCode::wrong_machine, "processor", [](ElfBuilder& b) { b.header.e_machine = EM_AARCH64; });
    check_refused(ExitCode::wrong_machine, "not an executable", [](ElfBuilder& b) { b.header.e_type = ET_REL; });
    check_refused(ExitCode::wrong_machine, "version", [](ElfBuilder& b) { b.header.e_ehsize = 10; });
    check_refused(ExitCode::dynamic_elf, "-static", [](ElfBuilder& b) {
        b.segments.push_back({PT_INTERP, 0, 0, 0, 0, 0, 0, 0});
    });
    check_refused(ExitCode::dynamic_elf, "dynamic section", [](ElfBuilder& b) {
        b.segments.push_back({PT_DYNAMIC, 0, 0, 0, 0, 0, 0, 0});
    });
    check_refused(ExitCode::dynamic_elf, "-no-pie", [](ElfBuilder& b) { b.header.e_type = ET_DYN; });
}

TEST_CASE("program headers that cannot be are refused") {
    check_refused(ExitCode::bad_segments, "program headers", [](ElfBuilder& b) { b.header.e_phnum = 60000; });
    check_refused(ExitCode::bad_segments, "program headers", [](ElfBuilder& b) { b.header.e_phentsize = 32; });
    check_refused(ExitCode::truncated_elf, "program headers", [](ElfBuilder& b) { b.header.e_phoff = UINT64_MAX - 8; });
}

TEST_CASE("notes that are missing, foreign or of another ABI number are refused") {
    check_refused(ExitCode::not_husk_image, "no Husk note", [](ElfBuilder& b) { b.segments.pop_back(); });
    check_refused(ExitCode::not_husk_image, "no Husk note", [](ElfBuilder& b) { b.note_owner[0] = 'T'; });
    check_refused(ExitCode::not_husk_image, "no Husk note", [](ElfBuilder& b) { b.note_header.n_type = 9; });
    check_refused(ExitCode::not_husk_image, "no Husk note", [](ElfBuilder& b) { b.note_header.n_descsz = UINT32_MAX; });
    check_refused(ExitCode::not_husk_image, "no Husk note", [](ElfBuilder& b) { b.note_header.n_namesz = UINT32_MAX; });
    check_refused(ExitCode::not_husk_image, "damaged", [](ElfBuilder& b) { b.note_header.n_descsz = 8; });
    check_refused(ExitCode::not_husk_image, "instead of", [](ElfBuilder& b) { b.note.size_bytes = 8; });
    check_refused(ExitCode::abi_mismatch, "ABI number 77", [](ElfBuilder& b) { b.note.abi_number = 77; });
    check_refused(ExitCode::truncated_elf, "notes", [](ElfBuilder& b) { b.segments[3].p_offset = 1 << 20; });
}

TEST_CASE("segments that are absurd or in each other's way are refused") {
    check_refused(ExitCode::bad_segments, "no loadable",
                  [](ElfBuilder& b) { b.segments.erase(b.segments.begin(), b.segments.begin() + 3); });
    check_refused(ExitCode::bad_segments, "round the end", [](ElfBuilder& b) { b.segments[2].p_memsz = UINT64_MAX; });
    check_refused(ExitCode::bad_segments, "below 4 MiB", [](ElfBuilder& b) { b.segments[2].p_vaddr = 0x2000; });
    check_refused(ExitCode::bad_segments, "above 3 GiB", [](ElfBuilder& b) { b.segments[2].p_memsz = 4ull << 30; });
    check_refused(ExitCode::bad_segments, "more bytes in the file",
                  [](ElfBuilder& b) { b.segments[2].p_memsz = 0x10; });
    check_refused(ExitCode::bad_segments, "within a page", [](ElfBuilder& b) {
        b.segments[2].p_offset += 8;
        b.segments[2].p_filesz = 8;
    });
    check_refused(ExitCode::bad_segments, "writable and executable",
                  [](ElfBuilder& b) { b.segments[1].p_flags |= PF_W; });
    check_refused(ExitCode::bad_segments, "overlap", [](ElfBuilder& b) { b.segments[1].p_memsz = 0x1001; });
    check_refused(ExitCode::bad_segments, "overlap", [](ElfBuilder& b) { b.segments[0].p_memsz = 0x1001; });
    check_refused(ExitCode::truncated_elf, "truncated", [](ElfBuilder& b) { b.segments[2].p_filesz = 0x200; });
    check_refused(ExitCode::truncated_elf, "truncated",
                  [](ElfBuilder& b) { b.segments[2].p_offset = UINT64_MAX - 0xfff; });
}

TEST_CASE("code addresses outside the code are refused") {
    check_refused(ExitCode::bad_segments, "starts at 0x402000",
                  [](ElfBuilder& b) { b.header.e_entry = ElfBuilder::data; });
    check_refused(ExitCode::bad_segments, "guest entry", [](ElfBuilder& b) { b.note.entry = 0; });
    check_refused(ExitCode::bad_segments, "runtime text", [](ElfBuilder& b) { b.note.runtime_text_end = UINT64_MAX; });
    check_refused(ExitCode::bad_segments, "runtime text",
                  [](ElfBuilder& b) { b.note.runtime_text_begin = b.note.runtime_text_end; });
    check_refused(ExitCode::bad_segments, "trap stubs",
                  [](ElfBuilder& b) { b.note.trap_stubs = ElfBuilder::code + 0xc01; });
    check_refused(ExitCode::bad_segments, "system-call trap",
                  [](ElfBuilder& b) { b.note.syscall_trap = ElfBuilder::data; });
    check_refused(ExitCode::bad_segments, "upcall", [](ElfBuilder& b) { b.note.upcall = UINT64_MAX; });
}

TEST_CASE("patch tables that do not fit their image are refused") {
    check_refused(ExitCode::patch_table, "not in the file", [](ElfBuilder& b) { b.note.patch_table = 1; });
    check_refused(ExitCode::patch_table, "not in the file",
                  [](ElfBuilder& b) { b.note.patch_table = ElfBuilder::data + 0x200; });
    check_refused(ExitCode::patch_table, "not in the file", [](ElfBuilder& b) { b.table.capacity = 100; });
    check_refused(ExitCode::patch_table, "magic", [](ElfBuilder& b) { b.table.magic = 0; });
    check_refused(ExitCode::patch_table, "room for 4", [](ElfBuilder& b) { b.table.count = 5; });
    check_refused(ExitCode::patch_table, "entries", [](ElfBuilder& b) { b.table.capacity = UINT32_MAX; });
    check_refused(ExitCode::patch_table, "stubs", [](ElfBuilder& b) { b.table.stub_bytes_used = 0x101; });
    check_refused(ExitCode::patch_table, "applied already", [](ElfBuilder& b) { b.table.state = 1; });
}
