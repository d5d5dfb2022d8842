// SPDX-License-Identifier: Apache-2.0
#include "launcher/report/crash.hpp"

#include <algorithm>
#include <iterator>
#include <string_view>

namespace husk::report {

namespace {

// As many elements as there are, at most `most`; notes in `damaged` when that is not all of them.
template <class Element>
std::vector<Element> copy_array(const memory::GuestMemory& memory, std::uint64_t gpa, std::uint32_t count,
                                std::uint32_t most, bool& damaged) {
    if (count > most) damaged = true;
    std::vector<Element> elements(std::min(count, most));
    if (elements.empty()) return elements;
    if (memory.copy_in({gpa}, std::as_writable_bytes(std::span(elements)))) return elements;
    damaged = true;
    return {};
}

bool is_sound(const abi::CrashMapping& mapping) {
    constexpr std::uint64_t address_end = 1ull << 47;
    return mapping.begin < mapping.end && mapping.end <= address_end && mapping.begin % abi::page_size == 0 &&
           mapping.end % abi::page_size == 0;
}

void drop_unsound(std::vector<abi::CrashMapping>& mappings, bool& damaged) {
    std::uint64_t last_end = 0;
    const auto is_bad = [&](const abi::CrashMapping& mapping) {
        if (!is_sound(mapping) || mapping.begin < last_end) return true;
        last_end = mapping.end;
        return false;
    };
    if (std::erase_if(mappings, is_bad) != 0) damaged = true;
}

}  // namespace

Crash read_crash(const abi::CrashRecord& record, const memory::GuestMemory& memory) {
    Crash crash;
    crash.record = record;
    crash.threads =
        copy_array<abi::CrashThread>(memory, record.threads_gpa, record.thread_count, threads_max, crash.damaged);
    crash.mappings =
        copy_array<abi::CrashMapping>(memory, record.mappings_gpa, record.mapping_count, mappings_max, crash.damaged);
    drop_unsound(crash.mappings, crash.damaged);
    const auto text =
        copy_array<char>(memory, record.message_gpa, record.message_bytes, message_bytes_max, crash.damaged);
    crash.message = make_printable({text.data(), text.size()});
    return crash;
}

std::string make_printable(std::string_view text) {
    std::string result(text);
    std::ranges::replace_if(
        result,
        [](char character) {
            const auto code = static_cast<unsigned char>(character);
            return (code < 0x20 && character != '\n' && character != '\t') || code == 0x7f;
        },
        '?');
    return result;
}

std::string thread_name(const abi::CrashThread& thread) {
    const auto end = std::find(std::begin(thread.name), std::end(thread.name), '\0');
    return make_printable({std::begin(thread.name), end});
}

}  // namespace husk::report
