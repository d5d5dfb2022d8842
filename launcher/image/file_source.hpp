// SPDX-License-Identifier: Apache-2.0
// The bytes of an open file, its first page read at once.
#pragma once

#include <array>
#include <string>

#include "launcher/host/file_descriptor.hpp"
#include "launcher/image/byte_source.hpp"

namespace husk::image {

class FileSource final : public ByteSource {
public:
    // `file` must stay open and `name` is for messages. Throws host::Error unless it is a regular file that can be
    // read.
    FileSource(const host::FileDescriptor& file, std::string name);

    [[nodiscard]] std::uint64_t size_bytes() const override { return size_bytes_; }
    void copy_out(std::uint64_t offset, std::span<std::byte> bytes) const override;

private:
    void read_at(std::uint64_t offset, std::span<std::byte> bytes) const;

    int fd_;
    std::string name_;
    std::uint64_t size_bytes_ = 0;
    std::size_t head_bytes_ = 0;
    std::array<std::byte, 4096> head_;  // headers and notes are nearly always here
};

}  // namespace husk::image
