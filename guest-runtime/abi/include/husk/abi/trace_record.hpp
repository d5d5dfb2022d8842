// SPDX-License-Identifier: Apache-2.0
// What a guest writes down about its system calls for a launcher that prints them: a stream of records.
//
// Under our launcher the stream goes through a TraceRing in guest memory; under a foreign VMM whose kernel line says
// husk.trace-port=P, through port P byte by byte.
#pragma once

#include <cstddef>
#include <cstdint>

namespace husk::abi {

enum class TraceKind : std::uint8_t {
    entry = 1,   // values: the six arguments
    exit = 2,    // values[0]: the result, or a negated errno
    signal = 3,  // about to be delivered: number, values[0]: si_code, values[1]: si_addr, or si_pid
};

// Followed by piece_count pieces of what lay behind the arguments: an exit has those that the call has filled.
struct TraceRecord {
    std::uint32_t size_bytes;  // with its pieces; a multiple of 8
    TraceKind kind;
    std::uint8_t piece_count;
    std::uint16_t number;  // of the call, or of the signal
    std::uint32_t tid;
    std::uint32_t reserved;
    std::uint64_t time_ns;  // since the VM began
    std::uint64_t values[6];
};
static_assert(sizeof(TraceRecord) == 72 && offsetof(TraceRecord, values) == 24);

// Followed by its bytes, and by what is missing to a multiple of 8.
struct TracePiece {
    std::uint8_t argument;  // 0..5
    std::uint8_t part;      // 0: what the argument points to; 1 + i: what element i of an iovec[] does; see below
    std::uint16_t size_bytes;
    std::uint32_t is_cut;  // there is more, or it could not be read on
};
static_assert(sizeof(TracePiece) == 8);

inline constexpr std::uint8_t name_part = 255;    // msg_name
inline constexpr std::uint8_t vector_part = 254;  // msg_iov
inline constexpr std::uint32_t trace_record_bytes_max = 2048;
inline constexpr std::uint32_t trace_text_bytes_max = 768;   // of a path
inline constexpr std::uint32_t trace_data_bytes_max = 32;    // of what is read or written
inline constexpr std::uint32_t trace_array_bytes_max = 256;  // of structs
inline constexpr std::uint32_t trace_vectors_max = 8;        // elements of an iovec[]

// At the beginning of the memory that the `trace` doorbell names; the rest is `data`. Byte n of the stream lies at
// data[n % size of data], so that a record may go around the end.
struct TraceRing {
    std::uint64_t produced;  // guest: bytes of the stream so far; stored after them
    std::uint64_t consumed;  // launcher: bytes that may be overwritten
};
static_assert(sizeof(TraceRing) == 16);

}  // namespace husk::abi
