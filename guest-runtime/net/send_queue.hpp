// SPDX-License-Identifier: Apache-2.0
// Bytes of a TCP stream from the application's write until the peer has acknowledged them. lwIP refers to them in
// place.
#pragma once

#include <cstddef>
#include <cstdint>

#include "guest-runtime/fs/io_buffer.hpp"

struct tcp_pcb;

namespace husk::net {

// One write, or a part of it: a header in front of the bytes.
struct SendChunk {
    static constexpr std::uint32_t largest_bytes = (32 << 10) - 32;

    SendChunk* next;
    std::uint32_t size_bytes;
    std::uint32_t acknowledged_bytes;
    bool pushes;               // the last of a write: the receiver need not wait for more
    std::uint64_t retired_at;  // the newest frame that may refer to it, by number (frames_in_flight.hpp)

    [[nodiscard]] std::byte* data() {
        // SAFETY: create() allocates size_bytes behind the header.
        return reinterpret_cast<std::byte*>(this + 1);
    }
    [[nodiscard]] std::size_t cost_bytes() const { return sizeof(SendChunk) + size_bytes; }
    // With `size_bytes` of `from`. ENOMEM, EFAULT.
    static Result<SendChunk*> create(fs::IoBuffer& from, std::uint32_t size_bytes);
    static void destroy(SendChunk* chunk);
};

// Used under the stack's lock.
class SendQueue {
public:
    ~SendQueue() { drop(); }
    void append(SendChunk& chunk);
    // Hands lwIP what it takes.
    void write_to(tcp_pcb& pcb);
    // The first `size_bytes` that are outstanding have arrived; returns what their memory weighed.
    std::size_t acknowledge(std::uint32_t size_bytes);
    // Of a connection that is over.
    void drop();
    [[nodiscard]] bool has_unwritten() const { return unwritten_ != nullptr; }
    [[nodiscard]] bool is_empty() const { return first_ == nullptr; }

private:
    SendChunk* first_ = nullptr;
    SendChunk* last_ = nullptr;
    SendChunk* unwritten_ = nullptr;
};

}  // namespace husk::net
