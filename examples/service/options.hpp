// SPDX-License-Identifier: Apache-2.0
// The command line of the service.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>

namespace service {

struct Options {
    std::string_view address = "0.0.0.0";
    std::uint16_t port = 8080;
    std::size_t threads = 1;
    std::optional<std::filesystem::path> files;  // folder behind /files/
    std::optional<std::filesystem::path> data;   // folder of the key-value store; without it, memory only
    // HTTPS beside HTTP, when all three are given. PEM files.
    std::uint16_t tls_port = 0;
    std::optional<std::filesystem::path> certificate;
    std::optional<std::filesystem::path> private_key;
    bool help = false;
};

extern const std::string_view usage;

// Throws std::invalid_argument with a sentence.
Options parse_options(int count, char** words);

}  // namespace service
