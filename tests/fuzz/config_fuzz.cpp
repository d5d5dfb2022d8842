// SPDX-License-Identifier: Apache-2.0
// husk.toml: any text gives a configuration or a host::Error.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "launcher/config/config_file.hpp"
#include "launcher/host/error.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace husk;
    // SAFETY: bytes as characters, for the lifetime of this call.
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    config::LaunchConfig config;
    try {
        config::read_config(text, "husk.toml", config);
    } catch (const host::Error& error) {
        if (error.code() != host::ExitCode::config_file) std::abort();
    }
    return 0;
}
