// SPDX-License-Identifier: Apache-2.0
#include <span>

#include "launcher/config/text.hpp"
#include "launcher/debug/register_table.hpp"
#include "launcher/debug/registers.hpp"

namespace husk::debug {

std::string target_description(bool with_avx) {
    std::string xml = R"(<?xml version="1.0"?><!DOCTYPE target SYSTEM "gdb-target.dtd"><target version="1.0">)"
                      "<architecture>i386:x86-64</architecture><osabi>GNU/Linux</osabi>";
    const std::size_t count = features().size() - (with_avx ? 0 : 1);
    for (const Feature& feature : std::span(features()).first(count)) {
        xml += config::fill_in(R"(<feature name="{}">{})", feature.name, feature.types);
        for (const Register& reg : feature.registers)
            xml += config::fill_in(R"(<reg name="{}" bitsize="{}" type="{}"/>)", reg.name, reg.bytes * 8, reg.type);
        xml += "</feature>";
    }
    return xml + "</target>";
}

std::size_t register_count(bool with_avx) {
    std::size_t count = 0;
    for (const Feature& feature : features()) count += feature.registers.size();
    return with_avx ? count : count - features().back().registers.size();
}

}  // namespace husk::debug
