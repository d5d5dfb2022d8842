// SPDX-License-Identifier: Apache-2.0
// The launcher's standard streams as the guest's console, without ever blocking a vCPU.
//
// Input is read when the guest asks and no earlier: what it leaves stays for whoever reads next.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "launcher/host/file_descriptor.hpp"
#include "launcher/host/standard_streams.hpp"

namespace husk::run {

class Console final {
public:
    static constexpr std::uint64_t stream_count = 3;

    Console() : kinds_(host::standard_streams()) {}

    // Results are bytes, or a negated errno; -EAGAIN when the call would have to wait.
    [[nodiscard]] std::int64_t write(unsigned stream, std::span<const std::byte> bytes);
    [[nodiscard]] std::int64_t read(std::span<std::byte> bytes);

    // poll(2) bits that hold now.
    [[nodiscard]] short poll(unsigned stream) const;

private:
    [[nodiscard]] std::int64_t write_to_pipe(unsigned stream, std::span<const std::byte> bytes);
    [[nodiscard]] std::int64_t write_reopened(unsigned stream, std::span<const std::byte> bytes);
    [[nodiscard]] std::int64_t read_when_ready(std::span<std::byte> bytes) const;

    std::array<abi::StreamKind, 3> kinds_;
    // The same files opened again with O_NONBLOCK: on the given descriptors it would be everyone's flag.
    std::array<host::FileDescriptor, 3> reopened_;
    std::array<bool, 3> tried_to_reopen_{};
};

}  // namespace husk::run
