// SPDX-License-Identifier: Apache-2.0
#include "launcher/trace/call_table.hpp"

#include <vector>

namespace husk::trace {

namespace {

namespace known {
using enum abi::Argument;
constexpr CallShape shapes[] = {
#define HUSK_CALL(name, result, ...) {#name, abi::CallResult::result, {__VA_ARGS__}},
#include <husk/abi/call_arguments.def>
};
}  // namespace known

CallShape find_shape(std::string_view name) {
    for (const CallShape& shape : known::shapes) {
        if (shape.name == name) return shape;
    }
    CallShape plain{name};
    plain.arguments.fill(abi::Argument::address);
    return plain;
}

std::vector<CallShape> make_table() {
    std::vector<CallShape> table;
    const auto add = [&](std::size_t number, std::string_view name) {
        if (table.size() <= number) table.resize(number + 1, find_shape({}));
        table[number] = find_shape(name);
    };
#define HUSK_SYSCALL(number, name, handler) add(number, #name);
#include <husk/abi/linux_calls.def>
    return table;
}

}  // namespace

CallShape shape_of(std::uint16_t number) {
    static const std::vector<CallShape> table = make_table();
    return number < table.size() ? table[number] : find_shape({});
}

}  // namespace husk::trace
