// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/net/unix_message.hpp"

namespace husk::net {

Result<std::unique_ptr<UnixMessage>> UnixMessage::create(fs::IoBuffer& data, std::size_t size_bytes) {
    std::unique_ptr<UnixMessage> message(new (std::nothrow) UnixMessage);
    if (!message) return Errno::enomem;
    message->storage_ = HUSK_TRY(fs::HeapArray<std::byte>::create(size_bytes));
    if (size_bytes != 0) HUSK_TRY(data.take(message->storage_.data(), size_bytes));
    return message;
}

}  // namespace husk::net
