// SPDX-License-Identifier: Apache-2.0
#include "launcher/cli/image_calls.hpp"

#include <algorithm>
#include <map>
#include <string_view>

#include "launcher/config/text.hpp"

namespace husk::cli {

namespace {

using config::fill_in;

struct LinuxCall {
    std::uint32_t number;
    std::string_view name;
    std::string_view handler;
};

constexpr LinuxCall calls[] = {
#define HUSK_SYSCALL(number, name, handler) {number, #name, #handler},
#include <husk/abi/linux_calls.def>
};

struct Limit {
    std::string_view name;
    std::string_view what;
};

constexpr Limit limits[] = {
#define HUSK_SYSCALL_LIMIT(name, what) {#name, what},
#include <husk/abi/linux_calls.def>
};

constexpr std::string_view missing = "missing: ENOSYS";

std::string_view limit_of(const LinuxCall& call) {
    if (call.handler == "sys_missing") return missing;
    if (call.handler == "sys_accept_quietly") return "succeeds without an effect";
    for (const Limit& limit : limits) {
        if (limit.name == call.name) return limit.what;
    }
    return {};
}

LinuxCall call_of(std::uint32_t number) {
    for (const LinuxCall& call : calls) {
        if (call.number == number) return call;
    }
    return {number, "?", "sys_missing"};
}

}  // namespace

std::string list_calls(const image::Image& image) {
    constexpr std::uint8_t syscall_kind = 1;
    std::map<std::uint32_t, std::size_t> sites;
    std::size_t unknown = 0, absent = 0;
    for (const abi::PatchEntry& entry : image.patches) {
        if (entry.kind != syscall_kind) continue;
        entry.call == 0 ? ++unknown : ++sites[entry.call - 1u];
    }
    std::string text;
    for (const auto& [number, count] : sites) {
        const LinuxCall call = call_of(number);
        const std::string_view limit = limit_of(call);
        if (limit == missing) ++absent;
        std::string line(call.name);
        line.resize(std::max<std::size_t>(24, line.size() + 1), ' ');
        line += std::to_string(count);
        if (!limit.empty()) line.resize(std::max<std::size_t>(29, line.size() + 1), ' ');
        text += line.append(limit) + "\n";
    }
    return text +
           fill_in("{} calls, {} of them missing; {} sites take the number from elsewhere, {} are not in the table\n",
                   sites.size(), absent, unknown, image.patch_header.unpatched_sites);
}

}  // namespace husk::cli
