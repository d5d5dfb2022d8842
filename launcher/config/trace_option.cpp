// SPDX-License-Identifier: Apache-2.0
#include "launcher/config/trace_option.hpp"

#include <algorithm>
#include <iterator>

#include "launcher/config/nearest_name.hpp"
#include "launcher/config/text.hpp"

namespace husk::config {

namespace {

constexpr std::string_view call_names[] = {
#define HUSK_SYSCALL(number, name, handler) #name,
#include <husk/abi/linux_calls.def>
};

}  // namespace

std::string parse_trace(std::string_view text, TraceConfig& trace) {
    constexpr std::string_view what = "syscalls";
    if (text == what) {
        trace.calls = "all";
        return {};
    }
    if (!text.starts_with(what) || text[what.size()] != ':')
        return fill_in("'{}' is nothing to trace: it must be {}", text, trace_form);
    const std::string_view list = text.substr(what.size() + 1);
    for (std::string_view rest = list;;) {
        const std::string_view name = rest.substr(0, rest.find(','));
        if (std::ranges::find(call_names, name) == std::end(call_names))
            return fill_in("Linux has no system call '{}'{}", name, suggest_name(name, call_names));
        if (name.size() == rest.size()) break;
        rest.remove_prefix(name.size() + 1);
    }
    trace.calls = list;
    return {};
}

}  // namespace husk::config
