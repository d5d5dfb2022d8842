// SPDX-License-Identifier: Apache-2.0
// A bounds-checked reader of the integers and encoded pointers in .eh_frame and .gcc_except_table.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace husk::toolchain {

namespace pointer_encoding {  // DW_EH_PE_ [lsb 10.5.1]
inline constexpr std::uint8_t omitted = 0xff;
inline constexpr std::uint8_t format_mask = 0x0f;
inline constexpr std::uint8_t application_mask = 0x70;
inline constexpr std::uint8_t pc_relative = 0x10;
inline constexpr std::uint8_t indirect = 0x80;
}  // namespace pointer_encoding

// After the first read that fails, ok() is false and every read gives 0.
class DwarfReader {
public:
    DwarfReader(std::span<const std::uint8_t> bytes, std::uint64_t address) : bytes_(bytes), address_(address) {}

    [[nodiscard]] bool ok() const { return ok_; }
    [[nodiscard]] bool at_end() const { return !ok_ || offset_ >= bytes_.size(); }
    [[nodiscard]] std::uint64_t address() const { return address_ + offset_; }
    [[nodiscard]] std::size_t offset() const { return offset_; }

    std::uint64_t read_unsigned(std::size_t size_bytes);
    std::int64_t read_signed(std::size_t size_bytes);
    std::uint64_t read_uleb();
    std::int64_t read_sleb();
    std::string read_string();
    // The address that an encoded pointer means; 0 for a null pointer. Fails on encodings that no static program has.
    std::uint64_t read_pointer(std::uint8_t encoding);
    void skip(std::uint64_t size_bytes);
    // The next `size_bytes` as a reader of its own; this one goes on behind them.
    DwarfReader take(std::uint64_t size_bytes);

private:
    std::span<const std::uint8_t> bytes_;
    std::uint64_t address_;
    std::size_t offset_ = 0;
    bool ok_ = true;
};

}  // namespace husk::toolchain
