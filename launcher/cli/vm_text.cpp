// SPDX-License-Identifier: Apache-2.0
#include "launcher/cli/vm_text.hpp"

#include <algorithm>
#include <array>

#include <boost/json.hpp>

#include "launcher/config/text.hpp"

namespace husk::cli {

namespace {

namespace json = boost::json;
using config::fill_in;

std::string as_age(std::uint64_t ms) {
    const std::uint64_t seconds = ms / 1000;
    if (seconds < 60) return fill_in("{}s", seconds);
    if (seconds < 3600) return fill_in("{}m{}s", seconds / 60, seconds % 60);
    return fill_in("{}h{}m", seconds / 3600, seconds / 60 % 60);
}

// Every number in an answer with the words that lead to it: use(path, number).
template <class Use>
void for_each_number(const json::value& value, std::vector<std::string>& path, Use& use) {
    if (const json::object* object = value.if_object()) {
        for (const auto& entry : *object) {
            path.emplace_back(entry.key());
            for_each_number(entry.value(), path, use);
            path.pop_back();
        }
    } else if (const json::array* array = value.if_array()) {
        for (std::size_t i = 0; i < array->size(); ++i) {
            path.push_back(std::to_string(i));
            for_each_number((*array)[i], path, use);
            path.pop_back();
        }
    } else if (value.is_number()) {
        use(path, value.to_number<std::uint64_t>());
    }
}

template <class Use>
void for_each_stat(json::object stats, Use use) {
    stats.erase("husk");
    stats.erase("time_ns");
    std::vector<std::string> path;
    for_each_number(stats, path, use);
}

}  // namespace

std::uint64_t number_at(const json::object& object, std::string_view key) {
    const json::value* value = object.if_contains(key);
    if (value == nullptr || !value->is_number()) return 0;
    boost::system::error_code error;
    const auto number = value->to_number<std::uint64_t>(error);
    return error ? 0 : number;
}

std::string text_at(const json::object& object, std::string_view key) {
    const json::value* value = object.if_contains(key);
    return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::string as_size(std::uint64_t bytes) {
    constexpr std::array units{"", "K", "M", "G", "T"};
    std::size_t unit = 0;
    std::uint64_t tenths = bytes * 10;
    while (tenths >= 10240 && unit + 1 < units.size()) {
        tenths /= 1024;
        ++unit;
    }
    if (unit == 0 || tenths >= 100) return fill_in("{}{}", tenths / 10, units[unit]);
    return fill_in("{}.{}{}", tenths / 10, tenths % 10, units[unit]);
}

std::string as_table(const std::vector<std::vector<std::string>>& rows) {
    std::vector<std::size_t> widths;
    for (const auto& row : rows) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
    }
    std::string text;
    for (const auto& row : rows) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i) {
            line += row[i];
            if (i + 1 < row.size()) line.append(widths[i] - row[i].size() + 2, ' ');
        }
        text += line + "\n";
    }
    return text;
}

std::string list_as_text(const std::vector<json::object>& infos) {
    std::vector<std::vector<std::string>> rows{{"NAME", "PID", "STATE", "AGE", "CPUS", "MEMORY", "IMAGE"}};
    for (const json::object& info : infos) {
        rows.push_back({text_at(info, "name"), std::to_string(number_at(info, "pid")), text_at(info, "state"),
                        as_age(number_at(info, "uptime_ms")), std::to_string(number_at(info, "cpus")),
                        as_size(number_at(info, "memory_bytes")), text_at(info, "image")});
    }
    return as_table(rows);
}

std::string stats_as_lines(const json::object& stats) {
    std::vector<std::vector<std::string>> rows{{"state", text_at(stats, "state")}};
    for_each_stat(stats, [&](const std::vector<std::string>& path, std::uint64_t number) {
        if (number == 0 && path.front() == "exits") return;
        std::string words;
        for (const std::string& word : path) words += (words.empty() ? "" : " ") + word;
        rows.push_back({words, std::to_string(number)});
    });
    rows.push_back({"memory backed by", text_at(stats, "memory_backing")});
    return as_table(rows);
}

// https://prometheus.io/docs/instrumenting/exposition_formats: the second word of a path becomes a label.
std::string stats_as_prometheus(const json::object& stats) {
    const std::string vm = json::serialize(json::value(text_at(stats, "name")));
    std::string text;
    std::string declared;
    for_each_stat(stats, [&](const std::vector<std::string>& path, std::uint64_t number) {
        const bool is_cpu = path.front() == "cpus";
        std::string metric = is_cpu ? "husk" : "husk_" + path.front();
        std::string labels = "vm=" + vm;
        if (path.size() == 2) labels += fill_in(R"(,kind="{}")", path[1]);
        if (path.size() == 3) {
            labels += fill_in(R"(,{}="{}")", is_cpu ? "cpu" : "device", path[1]);
            metric += "_" + path[2];
        }
        const bool is_gauge = path.front().starts_with("memory");
        if (!is_gauge) metric += "_total";
        if (declared.find(metric + "\n") == std::string::npos) {
            text += fill_in("# TYPE {} {}\n", metric, is_gauge ? "gauge" : "counter");
            declared += metric + "\n";
        }
        text += fill_in("{}{{}} {}\n", metric, labels, number);
    });
    return text;
}

}  // namespace husk::cli
