// SPDX-License-Identifier: Apache-2.0
#include "launcher/trace/record_stream.hpp"

#include <cstring>
#include <utility>

namespace husk::trace {

namespace {

template <class T>
T read_as(std::string_view bytes) {
    T value;
    std::memcpy(&value, bytes.data(), sizeof value);
    return value;
}

}  // namespace

const Piece* Record::find(unsigned argument, unsigned part) const {
    for (const Piece& piece : pieces) {
        if (piece.argument == argument && piece.part == part) return &piece;
    }
    return nullptr;
}

bool RecordStream::take(std::span<const std::byte> bytes) {
    for (const std::byte byte : bytes) rest_.push_back(static_cast<char>(byte));
    std::size_t used = 0;
    while (!is_broken_ && rest_.size() - used >= sizeof(abi::TraceRecord)) {
        const std::string_view left = std::string_view(rest_).substr(used);
        const auto size_bytes = read_as<abi::TraceRecord>(left).size_bytes;
        is_broken_ = size_bytes < sizeof(abi::TraceRecord) || size_bytes > abi::trace_record_bytes_max ||
                     size_bytes % alignof(abi::TraceRecord) != 0;
        if (is_broken_ || left.size() < size_bytes) break;
        is_broken_ = !take_record(left.substr(0, size_bytes));
        used += size_bytes;
    }
    rest_.erase(0, is_broken_ ? rest_.size() : used);
    return !is_broken_;
}

bool RecordStream::take_record(std::string_view bytes) {
    using Kind = abi::TraceKind;
    Record record{read_as<abi::TraceRecord>(bytes), {}};
    const Kind kind = record.header.kind;
    if (kind != Kind::entry && kind != Kind::exit && kind != Kind::signal) return false;
    bytes.remove_prefix(sizeof(abi::TraceRecord));
    for (unsigned i = 0; i < record.header.piece_count; ++i) {
        if (bytes.size() < sizeof(abi::TracePiece)) return false;
        const auto piece = read_as<abi::TracePiece>(bytes);
        bytes.remove_prefix(sizeof piece);
        const std::size_t padded = (std::size_t{piece.size_bytes} + 7) / 8 * 8;
        if (bytes.size() < padded) return false;
        record.pieces.push_back(
            {piece.argument, piece.part, piece.is_cut != 0, std::string(bytes.substr(0, piece.size_bytes))});
        bytes.remove_prefix(padded);
    }
    on_record_(std::move(record));
    return true;
}

}  // namespace husk::trace
