// SPDX-License-Identifier: Apache-2.0
#include "launcher/qemu/kernel_line.hpp"

#include "launcher/config/guest_settings.hpp"
#include "launcher/config/text.hpp"

namespace husk::qemu {

namespace {

bool stands_for_itself(char character) {
    static constexpr std::string_view marks = "_./=:,@+-";
    return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
           (character >= '0' && character <= '9') || marks.find(character) != std::string_view::npos;
}

}  // namespace

std::string encode_word(std::string_view word) {
    static constexpr std::string_view digits = "0123456789ABCDEF";
    if (word.empty()) return "%";
    std::string encoded;
    for (const char character : word) {
        if (stands_for_itself(character)) {
            encoded += character;
        } else {
            const auto code = static_cast<unsigned char>(character);
            encoded += '%';
            encoded += digits[code >> 4];
            encoded += digits[code & 15];
        }
    }
    return encoded;
}

std::string make_kernel_line(const config::LaunchConfig& config, const StreamFacts& streams) {
    using config::Hex;
    const std::uint16_t error_port = streams.one_output ? port::standard_output : port::standard_error;
    std::string line = config::fill_in("husk.stdout={} husk.stderr={} husk.status={} husk.control={} husk.streams={}",
                                       Hex{port::standard_output}, Hex{error_port}, Hex{port::status},
                                       Hex{port::control}, streams.kinds);
    const auto add = [&](std::string_view start, std::string_view word) {
        line.append(start).append(encode_word(word));
    };
    add(" husk.argv0=", config.image.native());
    add(" husk.cwd=", config.working_directory);
    for (const std::string& entry : config.environment) add(" husk.env=", entry);
    for (const std::string& setting : config::guest_settings(config)) add(" husk.", setting);
    if (!config.debug.trace.calls.empty()) line += config::fill_in(" husk.trace-port={}", Hex{port::trace});
    if (config.verbose) line += " husk.verbose";
    line += " --";
    for (const std::string& argument : config.arguments) add(" ", argument);
    return line;
}

}  // namespace husk::qemu
