// SPDX-License-Identifier: Apache-2.0
#include "launcher/report/core_notes.hpp"

#include <elf.h>
#include <sys/procfs.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <filesystem>

namespace husk::report {

namespace {

constexpr std::size_t fpregset_bytes = 512;  // the legacy area of an XSAVE image
constexpr std::size_t xcr0_offset = 464;     // software bytes of that area: where debuggers look for XCR0
constexpr std::size_t xsave_header_end = 576;
static_assert(sizeof(elf_gregset_t) == sizeof(abi::CrashRegisters));

class NoteWriter final {
public:
    void add(std::string_view owner, std::uint32_t type, std::span<const std::byte> descriptor) {
        const Elf64_Nhdr header{static_cast<Elf64_Word>(owner.size() + 1), static_cast<Elf64_Word>(descriptor.size()),
                                type};
        append(std::as_bytes(std::span(&header, 1)));
        append(std::as_bytes(std::span(owner)));
        bytes_.push_back(std::byte{0});
        pad();
        append(descriptor);
        pad();
    }
    template <class Struct>
    void add_struct(std::uint32_t type, const Struct& descriptor) {
        add("CORE", type, std::as_bytes(std::span(&descriptor, 1)));
    }
    [[nodiscard]] std::vector<std::byte> take() { return std::move(bytes_); }

private:
    void append(std::span<const std::byte> bytes) { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }
    void pad() { bytes_.resize(abi::align_up(bytes_.size(), sizeof(Elf64_Word))); }

    std::vector<std::byte> bytes_;
};

// As much of `text` as fits, always with a NUL behind it.
template <std::size_t Size>
void copy_text(char (&to)[Size], std::string_view text) {
    const std::size_t count = std::min(text.size(), Size - 1);
    std::memcpy(to, text.data(), count);
    to[count] = '\0';
}

elf_prstatus make_status(const abi::CrashThread& thread, const Crash& crash, bool died, bool has_fpregset) {
    elf_prstatus status{};
    if (died) {
        status.pr_info.si_signo = static_cast<int>(crash.record.signal);
        status.pr_info.si_code = crash.record.signal_code;
        status.pr_cursig = static_cast<short>(crash.record.signal);
    }
    status.pr_pid = static_cast<pid_t>(thread.tid);
    status.pr_pgrp = status.pr_sid = 1;
    std::memcpy(&status.pr_reg, &thread.registers, sizeof(status.pr_reg));
    status.pr_fpvalid = has_fpregset ? 1 : 0;
    return status;
}

elf_prpsinfo make_process_info(const std::string& image_path) {
    elf_prpsinfo info{};
    info.pr_sname = 'R';
    info.pr_pid = 1;
    copy_text(info.pr_fname, std::filesystem::path(image_path).filename().native());
    copy_text(info.pr_psargs, image_path);
    return info;
}

siginfo_t make_signal_info(const abi::CrashRecord& record) {
    siginfo_t info{};
    info.si_signo = static_cast<int>(record.signal);
    info.si_code = record.signal_code;
    std::memcpy(&info.si_addr, &record.fault_address, sizeof(info.si_addr));
    return info;
}

// NT_FILE: count, page size, (begin, end, offset in pages) of each segment in the file, then the names.
std::vector<std::byte> make_file_table(const image::Image& image, const std::string& image_path) {
    std::vector<std::uint64_t> words{0, abi::page_size};
    for (const image::Segment& segment : image.segments) {
        if (segment.file_bytes == 0) continue;
        const std::uint64_t begin = abi::align_down(segment.begin.value, abi::page_size);
        const std::uint64_t end = abi::align_up(segment.begin.value + segment.file_bytes, abi::page_size);
        words.insert(words.end(), {begin, end, segment.file_offset / abi::page_size});
        ++words.front();
    }
    const auto table = std::as_bytes(std::span(words));
    std::vector<std::byte> bytes(table.begin(), table.end());
    for (std::uint64_t i = 0; i < words.front(); ++i) {
        const auto name = std::as_bytes(std::span(image_path.c_str(), image_path.size() + 1));
        bytes.insert(bytes.end(), name.begin(), name.end());
    }
    return bytes;
}

void add_float_state(NoteWriter& notes, std::vector<std::byte> xsave, const XsaveLayout& layout) {
    if (xsave.size() < xsave_header_end) return;
    notes.add("CORE", NT_FPREGSET, std::span(xsave).first(fpregset_bytes));
    std::memcpy(xsave.data() + xcr0_offset, &layout.xcr0, sizeof(layout.xcr0));
    notes.add("LINUX", NT_X86_XSTATE, xsave);
}

}  // namespace

std::vector<std::byte> make_core_notes(const Crash& crash, const image::Image& image, const std::string& image_path,
                                       const XsaveLayout& layout, const ReadXsave& read_xsave) {
    NoteWriter notes;
    bool died = true;
    for (const abi::CrashThread& thread : crash.threads) {
        std::vector<std::byte> xsave = read_xsave(thread, layout.size_bytes);
        notes.add_struct(NT_PRSTATUS, make_status(thread, crash, died, !xsave.empty()));
        if (died) {
            notes.add_struct(NT_PRPSINFO, make_process_info(image_path));
            notes.add_struct(NT_SIGINFO, make_signal_info(crash.record));
            notes.add("CORE", NT_FILE, make_file_table(image, image_path));
        }
        add_float_state(notes, std::move(xsave), layout);
        died = false;
    }
    return notes.take();
}

}  // namespace husk::report
