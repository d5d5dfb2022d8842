// SPDX-License-Identifier: Apache-2.0
#include "options.hpp"

#include <charconv>
#include <limits>
#include <stdexcept>
#include <string>

namespace service {

const std::string_view usage =
    "usage: service [--address ADDRESS] [--port N] [--threads N] [--files DIR] [--data DIR]\n"
    "               [--tls-port N --certificate FILE --key FILE]\n"
    "An HTTP/1.1 service: / /files/NAME /kv/KEY /slow?ms=N /stream?lines=N /metrics\n";

namespace {

template <class Number>
Number parse_number(std::string_view option, std::string_view text) {
    Number number = 0;
    const char* const end = text.data() + text.size();
    if (std::from_chars(text.data(), end, number).ptr != end || text.empty() || number == 0) {
        throw std::invalid_argument(std::string(option) + " needs a number from 1 to " +
                                    std::to_string(std::numeric_limits<Number>::max()));
    }
    return number;
}

}  // namespace

Options parse_options(int count, char** words) {
    Options options;
    for (int i = 1; i < count; ++i) {
        const std::string_view option = words[i];
        if (option == "--help") {
            options.help = true;
            return options;
        }
        if (i + 1 == count)
            throw std::invalid_argument("there is no option " + std::string(option) + " without a value");
        const std::string_view value = words[++i];
        if (option == "--address") {
            options.address = value;
        } else if (option == "--port") {
            options.port = parse_number<std::uint16_t>(option, value);
        } else if (option == "--threads") {
            options.threads = parse_number<std::uint8_t>(option, value);
        } else if (option == "--files") {
            options.files = value;
        } else if (option == "--data") {
            options.data = value;
        } else if (option == "--tls-port") {
            options.tls_port = parse_number<std::uint16_t>(option, value);
        } else if (option == "--certificate") {
            options.certificate = value;
        } else if (option == "--key") {
            options.private_key = value;
        } else {
            throw std::invalid_argument("there is no option " + std::string(option));
        }
    }
    const bool some_tls = options.tls_port != 0 || options.certificate || options.private_key;
    if (some_tls && (options.tls_port == 0 || !options.certificate || !options.private_key)) {
        throw std::invalid_argument("HTTPS takes --tls-port, --certificate and --key together");
    }
    return options;
}

}  // namespace service
