// SPDX-License-Identifier: Apache-2.0
#include "launcher/qemu/status_lines.hpp"

#include <charconv>

namespace husk::qemu {

namespace {

constexpr std::size_t line_bytes_max = 64;

std::optional<std::uint32_t> parse_number(std::string_view text, std::uint32_t least, std::uint32_t most) {
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size() || number < least || number > most)
        return std::nullopt;
    return number;
}

}  // namespace

std::optional<StatusLine> parse_status_line(std::string_view line) {
    using Kind = StatusLine::Kind;
    struct Form {
        std::string_view word;
        Kind kind;
        std::uint32_t least;
        std::uint32_t most;
    };
    static constexpr Form forms[] = {
        {"exit ", Kind::exit, 0, 255}, {"signal ", Kind::signal, 1, 64}, {"read ", Kind::read, 1, 65535}};
    if (line == "panic") return StatusLine{Kind::panic, 0};
    for (const Form& form : forms) {
        if (!line.starts_with(form.word)) continue;
        const auto number = parse_number(line.substr(form.word.size()), form.least, form.most);
        return number ? std::optional(StatusLine{form.kind, *number}) : std::nullopt;
    }
    return std::nullopt;
}

std::vector<StatusLine> StatusReader::take(std::string_view bytes) {
    std::vector<StatusLine> lines;
    for (const char byte : bytes) {
        if (byte != '\n') {
            if (line_.size() <= line_bytes_max) line_ += byte;
            continue;
        }
        if (const auto line = parse_status_line(line_)) lines.push_back(*line);
        line_.clear();
    }
    return lines;
}

}  // namespace husk::qemu
