// SPDX-License-Identifier: Apache-2.0
// SO_PEEK_OFF in one receive: where MSG_PEEK looks in what waits, and how that moves.
//
// Made, and moved, while the lock of what waits is held: then of several receivers each finds the offset that belongs
// to what is there.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "guest-runtime/net/shared_value.hpp"

namespace husk::net {

using PeekOffset = SharedValue<std::int32_t>;  // negative: MSG_PEEK looks at the beginning

class PeekPlace {
public:
    PeekPlace(PeekOffset& offset, bool peeks) : offset_(offset), was_(offset), peeks_(peeks) {}

    [[nodiscard]] bool is_on() const { return was_ >= 0; }
    // Of what waits; the receive passes over them.
    [[nodiscard]] std::size_t passed_bytes() const { return peeks_ && is_on() ? static_cast<std::size_t>(was_) : 0; }
    // Some bytes are received: what is taken goes from in front of the offset. One that the application has set
    // meanwhile stays, as if it had been set after this receive.
    void move(std::size_t bytes) const {
        if (!is_on()) return;
        auto moved = static_cast<std::int64_t>(bytes);
        std::int64_t to = was_ + (peeks_ ? moved : -moved);
        offset_.replace(was_, static_cast<std::int32_t>(std::clamp<std::int64_t>(to, 0, INT32_MAX)));
    }

private:
    PeekOffset& offset_;
    const std::int32_t was_;
    const bool peeks_;
};

}  // namespace husk::net
