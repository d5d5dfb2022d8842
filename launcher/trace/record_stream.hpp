// SPDX-License-Identifier: Apache-2.0
// The guest's stream of trace records, cut into records; nothing in it is trusted.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <husk/abi/trace_record.hpp>

namespace husk::trace {

// What lay behind an argument.
struct Piece {
    std::uint8_t argument = 0;
    std::uint8_t part = 0;
    bool is_cut = false;
    std::string bytes;
};

struct Record {
    abi::TraceRecord header{};
    std::vector<Piece> pieces;

    // Null: there is none.
    [[nodiscard]] const Piece* find(unsigned argument, unsigned part = 0) const;
};

class RecordStream final {
public:
    explicit RecordStream(std::function<void(Record)> on_record) : on_record_(std::move(on_record)) {}

    // The next bytes of the stream, cut anywhere. False, now and from now on: what came is no stream of records.
    bool take(std::span<const std::byte> bytes);

private:
    [[nodiscard]] bool take_record(std::string_view bytes);

    std::function<void(Record)> on_record_;
    std::string rest_;  // the beginning of a record
    bool is_broken_ = false;
};

}  // namespace husk::trace
