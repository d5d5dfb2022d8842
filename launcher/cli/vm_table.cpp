// SPDX-License-Identifier: Apache-2.0
#include "launcher/cli/vm_table.hpp"

#include <algorithm>
#include <cmath>
#include <string_view>

#include <boost/json.hpp>

#include "launcher/cli/vm_text.hpp"

namespace husk::cli {

namespace {

namespace json = boost::json;

const json::object& object_at(const json::object& object, std::string_view key) {
    static const json::object none;
    const json::value* value = object.if_contains(key);
    const json::object* found = value != nullptr ? value->if_object() : nullptr;
    return found != nullptr ? *found : none;
}

const json::object* find_named(const std::vector<json::object>& answers, const std::string& name) {
    const auto found = std::ranges::find_if(answers, [&](const auto& one) { return text_at(one, "name") == name; });
    return found != answers.end() ? &*found : nullptr;
}

// 0 where a counter went back: it is another VM of the same name.
double rate(std::uint64_t before, std::uint64_t after, double seconds) {
    return after > before && seconds > 0 ? static_cast<double>(after - before) / seconds : 0;
}

void add_cpus(const json::object& before, const json::object& after, double seconds, VmUse& use) {
    const json::value* list = after.if_contains("cpus");
    const json::value* earlier = before.if_contains("cpus");
    if (list == nullptr || earlier == nullptr || !list->is_array() || !earlier->is_array()) return;
    const std::size_t count = std::min(list->get_array().size(), earlier->get_array().size());
    for (std::size_t i = 0; i < count; ++i) {
        const json::object* now = list->get_array()[i].if_object();
        const json::object* then = earlier->get_array()[i].if_object();
        if (now == nullptr || then == nullptr) continue;
        constexpr double ns_per_percent = 1e7;
        use.cpu_percent.push_back(rate(number_at(*then, "cpu_ns"), number_at(*now, "cpu_ns"), seconds) /
                                  ns_per_percent);
    }
}

void add_devices(const json::object& before, const json::object& after, double seconds, VmUse& use) {
    for (const auto& entry : object_at(after, "devices")) {
        const json::object* now = entry.value().if_object();
        const std::string_view name(entry.key().data(), entry.key().size());
        if (now == nullptr) continue;
        const double bytes =
            rate(number_at(object_at(object_at(before, "devices"), name), "bytes"), number_at(*now, "bytes"), seconds);
        (name.starts_with("vd") ? use.disk_bytes_per_second : use.net_bytes_per_second) += bytes;
    }
}

VmUse use_between(const json::object& before, const json::object& after) {
    VmUse use;
    constexpr double ns_per_second = 1e9;
    const double seconds =
        static_cast<double>(number_at(after, "time_ns") - number_at(before, "time_ns")) / ns_per_second;
    use.name = text_at(after, "name");
    use.state = text_at(after, "state");
    use.backing = text_at(after, "memory_backing");
    use.memory_bytes = number_at(after, "memory_bytes");
    use.resident_bytes = number_at(after, "memory_resident_bytes");
    add_cpus(before, after, seconds, use);
    for (const auto& entry : object_at(after, "exits")) {
        const std::string kind(entry.key());
        const double exits =
            rate(number_at(object_at(before, "exits"), kind), number_at(object_at(after, "exits"), kind), seconds);
        use.exits_per_second[kind] = exits;
        use.all_exits_per_second += exits;
    }
    add_devices(before, after, seconds, use);
    return use;
}

std::uint64_t rounded(double value) { return static_cast<std::uint64_t>(std::llround(value)); }

}  // namespace

std::vector<VmUse> uses_between(const std::vector<json::object>& before, const std::vector<json::object>& after) {
    std::vector<VmUse> uses;
    for (const json::object& now : after) {
        const json::object* then = find_named(before, text_at(now, "name"));
        if (then != nullptr) uses.push_back(use_between(*then, now));
    }
    return uses;
}

std::string uses_as_text(const std::vector<VmUse>& uses) {
    std::vector<std::vector<std::string>> rows{
        {"NAME", "STATE", "CPU %", "EXITS/s", "MOSTLY", "MEMORY", "OF", "BACKED BY", "DISK/s", "NET/s"}};
    for (const VmUse& use : uses) {
        std::string cpus;
        for (const double percent : use.cpu_percent)
            cpus += (cpus.empty() ? "" : " ") + std::to_string(rounded(percent));
        const auto most =
            std::ranges::max_element(use.exits_per_second, {}, [](const auto& kind) { return kind.second; });
        const bool has_exits = rounded(use.all_exits_per_second) != 0;
        rows.push_back({use.name, use.state, cpus, std::to_string(rounded(use.all_exits_per_second)),
                        has_exits ? most->first : "-", as_size(use.resident_bytes), as_size(use.memory_bytes),
                        use.backing, as_size(rounded(use.disk_bytes_per_second)),
                        as_size(rounded(use.net_bytes_per_second))});
    }
    return as_table(rows);
}

std::string uses_as_json(const std::vector<VmUse>& uses) {
    json::array list;
    for (const VmUse& use : uses) {
        json::object exits;
        for (const auto& [kind, per_second] : use.exits_per_second) exits[kind] = per_second;
        list.push_back(json::object{{"name", use.name},
                                    {"state", use.state},
                                    {"cpu_percent", json::value_from(use.cpu_percent)},
                                    {"exits_per_second", std::move(exits)},
                                    {"memory_resident_bytes", use.resident_bytes},
                                    {"memory_bytes", use.memory_bytes},
                                    {"memory_backing", use.backing},
                                    {"disk_bytes_per_second", use.disk_bytes_per_second},
                                    {"net_bytes_per_second", use.net_bytes_per_second}});
    }
    return json::serialize(list) + "\n";
}

}  // namespace husk::cli
