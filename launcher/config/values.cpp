// SPDX-License-Identifier: Apache-2.0
#include "launcher/config/values.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <span>
#include <utility>

namespace husk::config {

namespace {

struct Unit {
    std::string_view name;
    std::uint64_t factor;
};

constexpr std::array size_units{Unit{"", 1},           Unit{"K", 1ull << 10}, Unit{"M", 1ull << 20},
                                Unit{"G", 1ull << 30}, Unit{"T", 1ull << 40}, Unit{"k", 1ull << 10},
                                Unit{"m", 1ull << 20}, Unit{"g", 1ull << 30}, Unit{"t", 1ull << 40}};
constexpr std::array time_units{Unit{"ms", 1}, Unit{"s", 1000}, Unit{"", 1000}, Unit{"m", 60'000},
                                Unit{"h", 3'600'000}};
constexpr std::uint64_t longest_ms = 1ull << 40;  // some 34 years: deadlines computed from it cannot wrap

std::optional<std::uint64_t> parse_with_unit(std::string_view text, std::span<const Unit> units) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc()) return std::nullopt;
    const std::string_view name = text.substr(static_cast<std::size_t>(end - text.data()));
    const auto unit = std::ranges::find(units, name, &Unit::name);
    if (unit == units.end() || number > UINT64_MAX / unit->factor) return std::nullopt;
    return number * unit->factor;
}

template <class Value, std::size_t Count>
std::optional<Value> find_value(const std::array<std::pair<std::string_view, Value>, Count>& names,
                                std::string_view text) {
    for (const auto& [name, value] : names) {
        if (name == text) return value;
    }
    return std::nullopt;
}

bool is_alphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

}  // namespace

std::optional<std::uint64_t> parse_size(std::string_view text) { return parse_with_unit(text, size_units); }

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
    const auto ms = parse_with_unit(text, time_units);
    if (!ms || *ms > longest_ms) return std::nullopt;
    return std::chrono::milliseconds(*ms);
}

std::optional<HugePages> parse_huge_pages(std::string_view text) {
    using Name = std::pair<std::string_view, HugePages>;
    static constexpr std::array names{Name{"auto", HugePages::automatic}, Name{"2M", HugePages::size_2m},
                                      Name{"1G", HugePages::size_1g}, Name{"thp", HugePages::thp},
                                      Name{"off", HugePages::off}};
    return find_value(names, text);
}

std::optional<Accelerator> parse_accelerator(std::string_view text) {
    using Name = std::pair<std::string_view, Accelerator>;
    static constexpr std::array names{Name{"auto", Accelerator::automatic}, Name{"kvm", Accelerator::kvm},
                                      Name{"qemu", Accelerator::qemu}};
    return find_value(names, text);
}

std::optional<StatsFormat> parse_stats(std::string_view text) {
    using Name = std::pair<std::string_view, StatsFormat>;
    static constexpr std::array names{Name{"none", StatsFormat::none}, Name{"text", StatsFormat::text},
                                      Name{"json", StatsFormat::json}};
    return find_value(names, text);
}

std::optional<DebugAddress> parse_debug_address(std::string_view text) {
    DebugAddress address;
    if (const std::size_t colon = text.rfind(':'); colon != std::string_view::npos) {
        address.host = text.substr(0, colon);
        if (address.host.empty() || address.host == "localhost") address.host = "127.0.0.1";
        text.remove_prefix(colon + 1);
    }
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), address.port);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return address;
}

bool is_environment_entry(std::string_view text) {
    const std::size_t equals = text.find('=');
    return equals != std::string_view::npos && equals > 0 && text.find('\0') == std::string_view::npos;
}

std::optional<std::uint32_t> parse_cpu_count(std::string_view text) {
    std::uint32_t count = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (error != std::errc() || end != text.data() + text.size() || count == 0 || count > cpus_max) return std::nullopt;
    return count;
}

std::optional<std::vector<unsigned>> parse_cpu_list(std::string_view text) {
    constexpr unsigned highest = 1 << 16;
    std::vector<unsigned> cpus;
    const char* at = text.data();
    const char* const end = at + text.size();
    const auto number = [&](unsigned& value) {
        const auto [behind, error] = std::from_chars(at, end, value);
        at = behind;
        return error == std::errc() && value < highest;
    };
    for (;;) {
        unsigned first = 0;
        if (!number(first)) return std::nullopt;
        unsigned last = first;
        if (at != end && *at == '-') {
            ++at;
            if (!number(last) || last < first) return std::nullopt;
        }
        for (unsigned cpu = first; cpu <= last; ++cpu) cpus.push_back(cpu);
        if (at == end) return cpus;
        if (*at++ != ',') return std::nullopt;
    }
}

std::optional<unsigned> parse_node(std::string_view text) {
    constexpr unsigned highest = 1023;  // of Linux
    unsigned node = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), node);
    if (error != std::errc() || end != text.data() + text.size() || node > highest) return std::nullopt;
    return node;
}

bool is_vm_name(std::string_view text) {
    return !text.empty() && text.size() <= vm_name_max_bytes && is_alphanumeric(text.front()) &&
           std::ranges::all_of(text, [](char c) { return is_alphanumeric(c) || c == '.' || c == '_' || c == '-'; });
}

bool is_host_name(std::string_view text) {
    constexpr std::size_t host_name_max_bytes = 64;  // of Linux: __NEW_UTS_LEN
    constexpr std::size_t label_max_bytes = 63;      // [rfc1035 2.3.4]
    if (text.size() > host_name_max_bytes) return false;
    for (;;) {
        const std::string_view label = text.substr(0, text.find('.'));
        const auto fits = [](char c) { return is_alphanumeric(c) || c == '-'; };
        if (label.empty() || label.size() > label_max_bytes || !is_alphanumeric(label.front()) ||
            !is_alphanumeric(label.back()) || !std::ranges::all_of(label, fits))
            return false;
        if (label.size() == text.size()) return true;
        text.remove_prefix(label.size() + 1);
    }
}

bool is_absolute_directory(std::string_view text) {
    return text.starts_with('/') && text.find('\0') == std::string_view::npos;
}

void set_environment(std::vector<std::string>& environment, std::string entry) {
    const std::string_view key = std::string_view(entry).substr(0, entry.find('=') + 1);
    const auto same = std::ranges::find_if(environment, [&](const std::string& old) { return old.starts_with(key); });
    if (same == environment.end()) {
        environment.push_back(std::move(entry));
    } else {
        *same = std::move(entry);
    }
}

}  // namespace husk::config
