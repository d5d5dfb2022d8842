// SPDX-License-Identifier: Apache-2.0
// What lay behind the arguments of a system call, copied into a record of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <husk/abi/trace_record.hpp>

#include "guest-runtime/syscall/call.hpp"

namespace husk::sys {

// A record that is being written; what does not fit is left out.
class TraceWriter {
public:
    TraceWriter(abi::TraceKind kind, std::uint64_t number);

    [[nodiscard]] abi::TraceRecord& header() { return bytes_.header; }

    // What the call reads (at entry) or has filled (at its exit, of `result` >= 0).
    void capture(const Call& call, bool is_exit, long result);

    [[nodiscard]] std::span<const std::byte> finish();

private:
    void capture_argument(const Call& call, unsigned index, std::uint8_t rule_index, bool is_exit, long result);
    // `wanted_bytes` at `from`, cut to `most`.
    bool copy(unsigned argument, unsigned part, std::uint64_t from, std::uint64_t wanted_bytes, std::uint64_t most);
    void copy_text(unsigned argument, std::uint64_t from);
    void copy_vector(unsigned argument, unsigned part, std::uint64_t from, std::uint64_t count, std::uint64_t bytes);
    void copy_message(unsigned argument, std::uint64_t from, std::uint64_t bytes);
    std::span<std::byte> begin_piece(unsigned argument, unsigned part);
    void end_piece(std::size_t size_bytes, bool is_cut);

    struct Bytes {
        abi::TraceRecord header;
        std::byte pieces[abi::trace_record_bytes_max - sizeof(abi::TraceRecord)];
    } bytes_;
    std::size_t used_ = 0;  // of pieces
};

}  // namespace husk::sys
