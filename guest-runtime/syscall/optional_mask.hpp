// SPDX-License-Identifier: Apache-2.0
// The signal mask argument of ppoll, pselect6 and epoll_pwait.
#pragma once

#include <optional>

#include "guest-runtime/base/user_memory.hpp"
#include "guest-runtime/thread/signal_mask.hpp"

namespace husk::sys {

// Puts the mask in place until the end of the scope; a null pointer changes nothing. EINVAL for another size than 8.
inline Result<> apply_mask(std::optional<thread::TemporaryMask>& scope, UserPtr<std::uint64_t> mask,
                           std::uint64_t size_bytes) {
    if (!mask) return {};
    if (size_bytes != sizeof(std::uint64_t)) return Errno::einval;
    scope.emplace(HUSK_TRY(mask.load()));
    return {};
}

}  // namespace husk::sys
