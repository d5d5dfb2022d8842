// SPDX-License-Identifier: Apache-2.0
#include "toolchain/image/jump_targets.hpp"

#include <elf.h>

#include <algorithm>
#include <iterator>
#include <string_view>

#include "toolchain/image/address_set.hpp"
#include "toolchain/image/landing_pads.hpp"

namespace husk::toolchain {
namespace {

bool is_code_address(const ElfFile& file, std::uint64_t address) {
    return std::any_of(file.sections().begin(), file.sections().end(),
                       [&](const Section& s) { return s.is_code() && s.contains(address); });
}

const Section* find_section(const ElfFile& file, std::string_view name) {
    const auto at =
        std::find_if(file.sections().begin(), file.sections().end(), [&](const Section& s) { return s.name == name; });
    return at == file.sections().end() ? nullptr : &*at;
}

bool is_absolute(std::uint32_t type) { return type == R_X86_64_64 || type == R_X86_64_32 || type == R_X86_64_32S; }

// Does the relocation belong to a `lea symbol(%rip), %reg`?
bool is_in_lea(const Section& code, std::uint64_t address) {
    if (address < code.address + 3 || !code.contains(address)) return false;
    const auto at = static_cast<std::size_t>(address - code.address);
    return code.bytes[at - 2] == 0x8d && (code.bytes[at - 1] & 0xc7) == 0x05;
}

// Position-independent jump tables hold `target - table`; ld sees `S + A - P`. The tables' own addresses are those that
// code takes with lea.
class RelativeTables {
public:
    explicit RelativeTables(const ElfFile& file) {
        std::vector<std::uint64_t> bases;
        for (const Relocation& r : file.relocations()) {
            const Section& section = file.sections()[r.section];
            const bool relative = r.type == R_X86_64_PC32 || r.type == R_X86_64_PLT32;
            if (relative && section.is_code() && is_in_lea(section, r.address)) bases.push_back(r.target + 4);
        }
        bases_ = AddressSet(std::move(bases));
    }

    // Where the table entry at `r` leads: nothing that code addresses lies between it and the start of its table.
    [[nodiscard]] std::uint64_t target_of(const Relocation& r, const Section& section) const {
        const auto& bases = bases_.sorted();
        const auto above = std::upper_bound(bases.begin(), bases.end(), r.address);
        const bool has_table = above != bases.begin() && *std::prev(above) >= section.address;
        return has_table ? r.target - (r.address - *std::prev(above)) : r.target;
    }

private:
    AddressSet bases_;
};

}  // namespace

JumpTargets collect_jump_targets(const ElfFile& file) {
    JumpTargets result;
    for (const Symbol& symbol : file.symbols()) {
        const bool is_function = symbol.type == STT_FUNC || symbol.type == STT_GNU_IFUNC;
        if (!is_code_address(file, symbol.address)) continue;
        (is_function ? result.entries : result.possible).push_back(symbol.address);
    }

    const RelativeTables tables(file);
    for (const Relocation& r : file.relocations()) {
        const Section& section = file.sections()[r.section];
        if (section.name == ".eh_frame" || section.name == ".gcc_except_table") continue;
        if (is_absolute(r.type)) {
            if (!is_code_address(file, r.target)) continue;
            (section.is_code() ? result.possible : result.entries).push_back(r.target);
        } else if ((r.type == R_X86_64_PC32 || r.type == R_X86_64_PC64) && !section.is_code()) {
            const std::uint64_t target = tables.target_of(r, section);
            if (is_code_address(file, target)) result.entries.push_back(target);
        }
    }

    const Section* eh_frame = find_section(file, ".eh_frame");
    if (eh_frame == nullptr) return result;
    const Section* except_table = find_section(file, ".gcc_except_table");
    const TableBytes areas =
        except_table == nullptr ? TableBytes{} : TableBytes{except_table->address, except_table->bytes};
    LandingPads pads = read_landing_pads({eh_frame->address, eh_frame->bytes}, areas);
    result.entries.insert(result.entries.end(), pads.addresses.begin(), pads.addresses.end());
    result.unreadable = std::move(pads.unreadable);
    return result;
}

}  // namespace husk::toolchain
