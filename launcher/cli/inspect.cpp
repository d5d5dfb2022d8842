// SPDX-License-Identifier: Apache-2.0
#include "launcher/cli/inspect.hpp"

#include <algorithm>

#include "launcher/cli/image_calls.hpp"
#include "launcher/config/json_text.hpp"
#include "launcher/config/text.hpp"
#include "launcher/image/details.hpp"
#include "launcher/image/image.hpp"

namespace husk::cli {

namespace {

using config::fill_in;
using config::Hex;

struct SiteCounts {
    std::size_t syscalls = 0;
    std::size_t cpuids = 0;
};

SiteCounts count_sites(const image::Image& image) {
    constexpr std::uint8_t cpuid_kind = 2;
    const auto cpuids = static_cast<std::size_t>(std::ranges::count(image.patches, cpuid_kind, &abi::PatchEntry::kind));
    return {image.patches.size() - cpuids, cpuids};
}

// What the image takes at its place, before it allocates anything.
std::uint64_t needed_mib(const image::Image& image) {
    const image::Segment& last = image.segments.back();
    return abi::align_up(last.begin.value + last.memory_bytes, abi::large_page_size) >> 20;
}

std::string permissions(const image::Segment& segment) {
    std::string text = "---";
    if (segment.readable) text[0] = 'r';
    if (segment.writable) text[1] = 'w';
    if (segment.executable) text[2] = 'x';
    return text;
}

std::string line(std::string_view title, const std::string& text) {
    constexpr std::size_t column = 14;
    std::string start(title);
    start.resize(std::max(column, start.size() + 1), ' ');
    return start + text + "\n";
}

std::string as_table(const InspectCommand& command, const image::Image& image, const image::Details& details) {
    const abi::PatchTable& table = image.patch_header;
    const SiteCounts sites = count_sites(image);
    std::string text = line("image", command.image.native());
    text += line("ABI number", fill_in("{}", std::uint32_t{image.note.abi_number}));
    text += line("entry", fill_in("{} application, {} guest runtime", Hex{image.entry}, Hex{image.note.entry}));
    text += line("PVH entry", details.pvh_entry ? fill_in("{}, boots under a foreign VMM too", Hex{*details.pvh_entry})
                                                : std::string("none: does not boot under a foreign VMM"));
    for (const image::Segment& segment : image.segments) {
        text += line("segment", fill_in("{}-{} {} {} bytes, {} of them in the file", Hex{segment.begin.value},
                                        Hex{segment.begin.value + segment.memory_bytes}, permissions(segment),
                                        segment.memory_bytes, segment.file_bytes));
    }
    text +=
        line("runtime text", fill_in("{}-{}", Hex{image.note.runtime_text_begin}, Hex{image.note.runtime_text_end}));
    if (image.note.patch_table == 0) {
        text += line("patches", "no table: every system call traps");
    } else {
        text += line("patches", fill_in("{} syscall and {} cpuid sites patched, {} left as traps, room for {}",
                                        sites.syscalls, sites.cpuids, table.unpatched_sites, table.capacity));
        text += line("stub room", fill_in("{} of {} bytes used", table.stub_bytes_used, table.stub_room_bytes));
    }
    text += line("needs", fill_in("more than {}M of memory", needed_mib(image)));
    text +=
        line("debug info", fill_in("line numbers {}, symbols {}, unwind table {}", details.line_numbers ? "yes" : "no",
                                   details.symbols ? "yes" : "no", details.unwind_table ? "yes" : "no"));
    return text;
}

std::string as_json(const InspectCommand& command, const image::Image& image, const image::Details& details) {
    const abi::PatchTable& table = image.patch_header;
    const SiteCounts sites = count_sites(image);
    config::JsonText json;
    json.begin_object();
    json.field("image", command.image.native()).field("abi_number", std::uint32_t{image.note.abi_number});
    json.field("entry", image.entry).field("guest_entry", std::uint64_t{image.note.entry}).key("pvh_entry");
    details.pvh_entry ? json.value(*details.pvh_entry) : json.null();
    json.key("segments").begin_array();
    for (const image::Segment& segment : image.segments) {
        json.begin_object().field("begin", segment.begin.value).field("memory_bytes", segment.memory_bytes);
        json.field("file_offset", segment.file_offset).field("file_bytes", segment.file_bytes);
        json.field("permissions", permissions(segment)).end_object();
    }
    json.end_array();
    json.field("runtime_text_begin", std::uint64_t{image.note.runtime_text_begin});
    json.field("runtime_text_end", std::uint64_t{image.note.runtime_text_end});
    json.field("patched_syscalls", sites.syscalls).field("patched_cpuids", sites.cpuids);
    json.field("unpatched_sites", table.unpatched_sites).field("patch_capacity", table.capacity);
    json.field("stub_bytes_used", table.stub_bytes_used).field("stub_room_bytes", table.stub_room_bytes);
    json.field("needs_memory_mib", needed_mib(image));
    json.field("line_numbers", details.line_numbers).field("symbols", details.symbols);
    json.field("unwind_table", details.unwind_table).end_object();
    return json.text() + "\n";
}

}  // namespace

std::string inspect_image(const InspectCommand& command) {
    const image::Image image = image::open_image(command.image);
    if (command.syscalls) return list_calls(image);
    const image::Details details = image::read_details(image);
    return command.json ? as_json(command, image, details) : as_table(command, image, details);
}

}  // namespace husk::cli
