// SPDX-License-Identifier: Apache-2.0
#include "toolchain/image/landing_pads.hpp"

#include <map>
#include <string>

#include "toolchain/image/dwarf_reader.hpp"

namespace husk::toolchain {
namespace {

// What a CIE says about the FDEs that name it [lsb 10.6.1].
struct CommonInformation {
    bool has_augmentation_data = false;
    std::uint8_t pointer = 0;
    std::uint8_t language_area = pointer_encoding::omitted;
};

CommonInformation read_cie(DwarfReader in) {
    CommonInformation cie;
    const std::uint64_t version = in.read_unsigned(1);
    const std::string augmentation = in.read_string();
    in.read_uleb();  // code alignment
    in.read_sleb();  // data alignment
    if (version == 1) {
        in.read_unsigned(1);  // return address register
    } else {
        in.read_uleb();
    }
    if (augmentation.empty() || augmentation[0] != 'z') return cie;
    cie.has_augmentation_data = true;
    in.read_uleb();
    for (const char c : augmentation.substr(1)) {
        if (c == 'R') cie.pointer = static_cast<std::uint8_t>(in.read_unsigned(1));
        if (c == 'L') cie.language_area = static_cast<std::uint8_t>(in.read_unsigned(1));
        if (c == 'P') {
            const auto encoding = static_cast<std::uint8_t>(in.read_unsigned(1));
            in.read_pointer(encoding & static_cast<std::uint8_t>(~pointer_encoding::indirect));
        }
    }
    return cie;
}

// The call-site table of one function, as g++ and clang write it.
bool read_call_sites(const TableBytes& table, std::uint64_t area, std::uint64_t function,
                     std::vector<std::uint64_t>& pads) {
    if (area < table.address || area - table.address >= table.bytes.size()) return false;
    DwarfReader in(table.bytes.subspan(area - table.address), area);
    const auto base_encoding = static_cast<std::uint8_t>(in.read_unsigned(1));
    const std::uint64_t base = base_encoding == pointer_encoding::omitted ? function : in.read_pointer(base_encoding);
    if (in.read_unsigned(1) != pointer_encoding::omitted) in.read_uleb();  // types
    const auto encoding = static_cast<std::uint8_t>(in.read_unsigned(1));
    const std::uint64_t size_bytes = in.read_uleb();
    DwarfReader sites = in.take(size_bytes);
    while (!sites.at_end()) {
        sites.read_pointer(encoding);  // begin
        sites.read_pointer(encoding);  // length
        const std::uint64_t pad = sites.read_pointer(encoding);
        sites.read_uleb();  // action
        if (sites.ok() && pad != 0) pads.push_back(base + pad);
    }
    return sites.ok();
}

}  // namespace

LandingPads read_landing_pads(const TableBytes& eh_frame, const TableBytes& except_table) {
    LandingPads result;
    std::map<std::uint64_t, CommonInformation> cies;  // by address
    DwarfReader in(eh_frame.bytes, eh_frame.address);
    while (!in.at_end()) {
        const std::uint64_t record = in.address();
        std::uint64_t length = in.read_unsigned(4);
        if (length == 0xffff'ffff) length = in.read_unsigned(8);
        if (length == 0) continue;  // a terminator; objects behind it may bring more
        DwarfReader body = in.take(length);
        const std::uint64_t id_address = body.address();
        const std::uint64_t id = body.read_unsigned(4);
        if (id == 0) {
            cies[record] = read_cie(body);
            continue;
        }
        const auto cie = cies.find(id_address - id);
        if (!body.ok() || cie == cies.end()) continue;
        const std::uint64_t begin = body.read_pointer(cie->second.pointer);
        const std::uint64_t size = body.read_pointer(cie->second.pointer & pointer_encoding::format_mask);
        if (!cie->second.has_augmentation_data) continue;
        body.read_uleb();
        const std::uint64_t area = body.read_pointer(cie->second.language_area);
        if (area == 0) continue;
        if (!body.ok() || !read_call_sites(except_table, area, begin, result.addresses)) {
            result.unreadable.push_back({begin, begin + size});
        }
    }
    return result;
}

}  // namespace husk::toolchain
