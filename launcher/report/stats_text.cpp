// SPDX-License-Identifier: Apache-2.0
#include "launcher/report/stats_text.hpp"

#include "launcher/config/json_text.hpp"
#include "launcher/config/text.hpp"

namespace husk::report {

namespace {

using config::fill_in;

std::string as_us(std::uint64_t duration_ns) {
    std::string decimals = std::to_string(duration_ns % 1000);
    decimals.insert(0, 3 - decimals.size(), '0');
    return fill_in("{}.{}", duration_ns / 1000, decimals);
}

std::string padded(std::string text, std::size_t width) {
    if (text.size() < width) text.insert(0, width - text.size(), ' ');
    return text;
}

const char* name_of_kind(kvm::Kind kind) { return kind == kvm::Kind::hw ? "hw" : "pvm"; }

}  // namespace

std::string stats_as_text(const run::Stats& stats) {
    constexpr std::size_t width = 12;
    std::string text =
        fill_in("husk: stats: kind of KVM {}, memory {}M in {}, {}K of it used\n", name_of_kind(stats.kvm_kind),
                stats.memory_bytes >> 20, name_of(stats.backing), stats.memory_resident_bytes >> 10);
    for (const run::Step& step : stats.steps()) {
        text += fill_in("husk: stats: {} us {}\n", padded(as_us(step.duration_ns), width), step.name);
    }
    for (const run::ExitKind kind : run::all_exit_kinds) {
        const std::uint64_t exits = stats.counts.exits(kind);
        if (exits == 0) continue;
        text += fill_in("husk: stats: {} exits {}\n", padded(std::to_string(exits), width), run::name_of(kind));
    }
    for (const run::DeviceStats& device : stats.devices) {
        text += fill_in("husk: stats: {} {} requests, {}K; {} register writes, {} of them notifications, {} signals\n",
                        padded(device.name, width), device.requests, device.bytes >> 10, device.register_writes,
                        device.notifications, device.signals);
    }
    if (const std::uint64_t upcalls = stats.counts.upcalls.value(); upcalls != 0)
        text += fill_in("husk: stats: {} pre-emptions\n", padded(std::to_string(upcalls), width));
    return text;
}

std::string stats_as_json(const run::Stats& stats) {
    config::JsonText json;
    json.begin_object();
    json.field("kvm_kind", name_of_kind(stats.kvm_kind)).field("memory_backing", name_of(stats.backing));
    json.field("memory_bytes", stats.memory_bytes).field("memory_resident_bytes", stats.memory_resident_bytes);
    json.field("tsc_hz", stats.tsc_hz).field("first_run_tsc", stats.first_run_tsc);
    json.key("steps_us").begin_object();
    for (const run::Step& step : stats.steps()) json.key(step.name).raw_number(as_us(step.duration_ns));
    json.end_object().key("exits").begin_object();
    for (const run::ExitKind kind : run::all_exit_kinds) json.field(run::name_of(kind), stats.counts.exits(kind));
    json.end_object().field("preemptions", stats.counts.upcalls.value()).key("devices").begin_object();
    for (const run::DeviceStats& device : stats.devices) {
        json.key(device.name).begin_object();
        json.field("requests", device.requests).field("bytes", device.bytes);
        json.field("register_writes", device.register_writes).field("notifications", device.notifications);
        json.field("signals", device.signals).end_object();
    }
    json.end_object().end_object();
    return json.text() + "\n";
}

}  // namespace husk::report
