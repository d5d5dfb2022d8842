// SPDX-License-Identifier: Apache-2.0
#include "launcher/report/debug_info.hpp"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <gelf.h>

#include <cstdlib>
#include <span>

#include "launcher/image/elf_handle.hpp"

namespace husk::report {

namespace {

struct FrameEnd {
    void operator()(Dwarf_Frame* frame) const { std::free(frame); }
};

Expression copy_expression(const Dwarf_Op* operations, std::size_t count) {
    Expression expression;
    for (const Dwarf_Op& operation : std::span(operations, count)) {
        expression.push_back({operation.atom, operation.number, operation.number2});
    }
    return expression;
}

RegisterRule copy_rule(Dwarf_Frame* frame, unsigned number) {
    using Kind = RegisterRule::Kind;
    Dwarf_Op room[3];
    Dwarf_Op* operations = nullptr;
    std::size_t count = 0;
    if (dwarf_frame_register(frame, static_cast<int>(number), room, &operations, &count) != 0) return {};
    if (count == 0) return {operations == nullptr ? Kind::same : Kind::unknown, {}};
    const bool is_value = operations[count - 1].atom == DW_OP_stack_value;
    return {is_value ? Kind::value : Kind::at_address, copy_expression(operations, count)};
}

// Whether the image has an executable segment there.
bool is_code(Elf* elf, std::uint64_t pc) {
    std::size_t count = 0;
    if (elf == nullptr || elf_getphdrnum(elf, &count) != 0) return false;
    for (std::size_t i = 0; i < count; ++i) {
        GElf_Phdr segment;
        if (gelf_getphdr(elf, static_cast<int>(i), &segment) == nullptr) continue;
        const bool is_code = segment.p_type == PT_LOAD && (segment.p_flags & PF_X) != 0;
        if (is_code && pc - segment.p_vaddr < segment.p_memsz) return true;
    }
    return false;
}

// The unit's DIE, by .debug_aranges or else by looking at each unit: clang writes no aranges.
std::optional<Dwarf_Die> find_unit(Dwarf* dwarf, std::uint64_t pc) {
    Dwarf_Die unit;
    if (dwarf_addrdie(dwarf, pc, &unit) != nullptr) return unit;
    Dwarf_CU* cursor = nullptr;
    while (dwarf_get_units(dwarf, cursor, &cursor, nullptr, nullptr, &unit, nullptr) == 0) {
        if (dwarf_haspc(&unit, pc) == 1) return unit;
    }
    return std::nullopt;
}

}  // namespace

struct DebugInfo::Handles {
    image::ElfHandle elf;
    Dwarf_CFI* frames = nullptr;
    Dwarf* dwarf = nullptr;
    Dwarf_CFI* debug_frames = nullptr;  // the dwarf's own: of code that never throws, such as the runtime

    explicit Handles(const host::FileDescriptor& file) : elf(image::open_elf(file)) {
        if (elf == nullptr) return;
        frames = dwarf_getcfi_elf(elf.get());
        dwarf = dwarf_begin_elf(elf.get(), DWARF_C_READ, nullptr);
        if (dwarf != nullptr) debug_frames = dwarf_getcfi(dwarf);
    }
    ~Handles() {
        if (frames != nullptr) dwarf_cfi_end(frames);
        if (dwarf != nullptr) dwarf_end(dwarf);
    }
    Handles(const Handles&) = delete;
    Handles& operator=(const Handles&) = delete;
};

DebugInfo::DebugInfo(const host::FileDescriptor& file) : handles_(std::make_unique<Handles>(file)) {}
DebugInfo::~DebugInfo() = default;

std::optional<FrameRules> DebugInfo::find_rules(std::uint64_t pc) const {
    // The linker leaves the rules of functions that it dropped at address 0, where a call into nowhere leads.
    if (!is_code(handles_->elf.get(), pc)) return std::nullopt;
    Dwarf_Frame* found = nullptr;
    const auto look_in = [&](Dwarf_CFI* frames) {
        return frames != nullptr && dwarf_cfi_addrframe(frames, pc, &found) == 0;
    };
    if (!look_in(handles_->frames) && !look_in(handles_->debug_frames)) return std::nullopt;
    const std::unique_ptr<Dwarf_Frame, FrameEnd> frame(found);

    FrameRules rules;
    Dwarf_Op* operations = nullptr;
    std::size_t count = 0;
    if (dwarf_frame_cfa(frame.get(), &operations, &count) != 0 || count == 0) return std::nullopt;
    rules.cfa = copy_expression(operations, count);
    const int return_column = dwarf_frame_info(frame.get(), nullptr, nullptr, &rules.is_signal_frame);
    if (return_column != static_cast<int>(dwarf_register::rip)) return std::nullopt;
    for (unsigned number = 0; number < dwarf_register::count; ++number) {
        rules.registers[number] = copy_rule(frame.get(), number);
    }
    return rules;
}

std::optional<SourceLine> DebugInfo::find_line(std::uint64_t pc) const {
    if (handles_->dwarf == nullptr) return std::nullopt;
    std::optional<Dwarf_Die> unit = find_unit(handles_->dwarf, pc);
    if (!unit) return std::nullopt;
    Dwarf_Line* line = dwarf_getsrc_die(&*unit, pc);
    if (line == nullptr) return std::nullopt;
    const char* file = dwarf_linesrc(line, nullptr, nullptr);
    int number = 0;
    if (file == nullptr || dwarf_lineno(line, &number) != 0) return std::nullopt;
    return SourceLine{file, number};
}

}  // namespace husk::report
