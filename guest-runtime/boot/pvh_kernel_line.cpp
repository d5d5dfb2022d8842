// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/boot/pvh_kernel_line.hpp"

#include <algorithm>

#include "guest-runtime/base/insertion_sort.hpp"

namespace husk::boot {

namespace {

constexpr std::string_view device_word = "virtio_mmio.device=";

std::optional<unsigned> digit(char character) {
    if (character >= '0' && character <= '9') return static_cast<unsigned>(character - '0');
    const char lower = static_cast<char>(character | 0x20);
    if (lower >= 'a' && lower <= 'f') return static_cast<unsigned>(lower - 'a') + 10;
    return std::nullopt;
}

// Decimal, or hexadecimal behind 0x.
std::optional<std::uint64_t> read_number(std::string_view text, std::uint64_t most) {
    unsigned base = 10;
    if (text.starts_with("0x")) {
        base = 16;
        text.remove_prefix(2);
    }
    std::uint64_t value = 0;
    for (char character : text) {
        auto next = digit(character);
        if (!next || *next >= base || value > most / base) return std::nullopt;
        value = value * base + *next;
        if (value > most) return std::nullopt;
    }
    return text.empty() ? std::nullopt : std::optional(value);
}

std::optional<std::uint16_t> read_port(std::string_view text) {
    auto value = read_number(text, UINT16_MAX);
    return value ? std::optional(static_cast<std::uint16_t>(*value)) : std::nullopt;
}

std::optional<abi::StreamKind> read_kind(std::string_view name) {
    using enum abi::StreamKind;
    struct Named {
        std::string_view name;
        abi::StreamKind kind;
    };
    constexpr Named all[] = {{"closed", closed}, {"tty", tty}, {"pipe", pipe}, {"file", file}, {"null", null}};
    for (const Named& known : all) {
        if (known.name == name) return known.kind;
    }
    return std::nullopt;
}

void read_kinds(std::string_view names, std::array<abi::StreamKind, 3>& kinds) {
    for (abi::StreamKind& kind : kinds) {
        std::size_t end = std::min(names.find(','), names.size());
        if (auto known = read_kind(names.substr(0, end))) kind = *known;
        names.remove_prefix(std::min(end + 1, names.size()));
    }
}

// SIZE@ADDRESS:INTERRUPT, as Linux reads it too.
void read_device(std::string_view value, KernelLine& line) {
    std::size_t at = value.find('@'), colon = value.find(':');
    if (at == std::string_view::npos || colon == std::string_view::npos || colon < at) return;
    std::string_view interrupt = value.substr(colon + 1);
    constexpr std::uint64_t below_4g = UINT32_MAX, most_inputs = 120;
    auto registers = read_number(value.substr(at + 1, colon - at - 1), below_4g);
    auto input = read_number(interrupt.substr(0, interrupt.find(':')), most_inputs);
    if (!registers || !input || *registers % 4 != 0 || line.device_count == line.devices.size()) return;
    line.devices[line.device_count++] = {*registers, static_cast<std::uint32_t>(*input)};
}

// Takes the words off the end that QEMU's microvm machine puts there, one for each of its virtio devices.
std::string_view without_device_words(std::string_view arguments, KernelLine& line) {
    for (;;) {
        std::size_t last = arguments.rfind(' ') + 1;  // npos + 1 is 0
        std::string_view word = arguments.substr(last);
        auto device = value_of(word, device_word);
        if (!word.empty() && !device) return arguments;
        if (device) read_device(*device, line);
        if (last == 0) return {};
        arguments = arguments.substr(0, last - 1);
    }
}

void read_setting(std::string_view word, KernelLine& line) {
    auto port = [&](std::string_view name, std::uint16_t& to) {
        if (auto value = value_of(word, name)) to = read_port(*value).value_or(to);
    };
    port("husk.stdout=", line.stdout_port);
    port("husk.stderr=", line.stderr_port);
    port("husk.status=", line.status_port);
    port("husk.trace-port=", line.trace_port);
    port("husk.control=", line.control_port);
    if (auto value = value_of(word, "husk.streams=")) read_kinds(*value, line.streams);
    if (auto value = value_of(word, "husk.argv0=")) line.program = *value;
    if (auto value = value_of(word, "husk.cwd=")) line.working_directory = *value;
    if (word == "husk.verbose") line.is_verbose = true;
    if (auto value = value_of(word, device_word)) read_device(*value, line);
}

}  // namespace

std::optional<std::string_view> WordReader::next() {
    while (text_.starts_with(' ')) text_.remove_prefix(1);
    if (text_.empty()) return std::nullopt;
    std::string_view word = text_.substr(0, text_.find(' '));
    text_.remove_prefix(word.size());
    return word;
}

std::size_t decode_word(std::string_view word, std::span<char> to) {
    if (word == "%") return 0;
    std::size_t count = 0;
    for (std::size_t i = 0; i < word.size(); ++i) {
        char character = word[i];
        if (character == '%' && i + 2 < word.size()) {
            auto high = digit(word[i + 1]), low = digit(word[i + 2]);
            if (high && low) {
                character = static_cast<char>(*high << 4 | *low);
                i += 2;
            }
        }
        to[count++] = character;
    }
    return count;
}

std::optional<std::string_view> runtime_setting(std::string_view word) {
    constexpr std::string_view taken[] = {
        "stdout=", "stderr=", "status=", "trace-port=", "control=", "streams=", "argv0=", "cwd=", "env="};
    auto setting = value_of(word, "husk.");
    if (!setting || setting->find('=') == std::string_view::npos) return std::nullopt;
    for (std::string_view name : taken) {
        if (setting->starts_with(name)) return std::nullopt;
    }
    return setting;
}

std::optional<std::string_view> value_of(std::string_view word, std::string_view name) {
    if (!word.starts_with(name)) return std::nullopt;
    return word.substr(name.size());
}

KernelLine read_kernel_line(std::string_view text) {
    KernelLine line;
    WordReader words(text);
    while (auto word = words.next()) {
        if (*word == "--") {
            line.arguments = without_device_words(words.rest(), line);
            break;
        }
        read_setting(*word, line);
        line.settings = text.substr(0, text.size() - words.rest().size());
    }
    // QEMU gives its devices addresses from the highest down: this is the order in which they were asked for.
    insertion_sort(std::span(line.devices).first(line.device_count),
                   [](const DeviceWord& a, const DeviceWord& b) { return a.registers > b.registers; });
    return line;
}

}  // namespace husk::boot
