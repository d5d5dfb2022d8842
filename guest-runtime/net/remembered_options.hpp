// SPDX-License-Identifier: Apache-2.0
// Socket options that are kept and given back as on Linux, with nothing behind them here: what servers set where it
// helps and do without where it does not.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "guest-runtime/base/result.hpp"
#include "guest-runtime/net/shared_value.hpp"

namespace husk::net {

class RememberedOptions {
public:
    RememberedOptions();

    [[nodiscard]] static bool has(int level, int option);
    // Of those that it has. EINVAL for a value that Linux refuses.
    Result<> set(int level, int option, std::int32_t value);
    [[nodiscard]] std::int32_t get(int level, int option) const;

private:
    static constexpr std::size_t count = 23;
    std::array<SharedValue<std::int32_t>, count> values_;
};

}  // namespace husk::net
