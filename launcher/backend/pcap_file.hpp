// SPDX-License-Identifier: Apache-2.0
// A capture file that Wireshark and tcpdump open: pcap with nanoseconds [pcap].
#pragma once

#include <sys/uio.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "launcher/host/file_descriptor.hpp"

namespace husk::backend {

struct PcapFileHeader {
    std::uint32_t magic = 0xa1b2'3c4d;  // nanoseconds, in the byte order of whoever wrote the file
    std::uint16_t major = 2, minor = 4;
    std::int32_t zone = 0;
    std::uint32_t accuracy = 0;
    std::uint32_t longest_frame = 262'144;
    std::uint32_t link_type = 1;  // Ethernet
};
static_assert(sizeof(PcapFileHeader) == 24);

struct PcapFrameHeader {
    std::uint32_t seconds;
    std::uint32_t nanoseconds;
    std::uint32_t stored_bytes;
    std::uint32_t frame_bytes;
};
static_assert(sizeof(PcapFrameHeader) == 16);

class PcapFile final {
public:
    // Hears a sentence.
    using OnEnd = std::function<void(std::string_view)>;

    // A new file in place of an old one. on_end: when the file takes no more frames, once; may be empty. Throws
    // host::Error.
    [[nodiscard]] static PcapFile create(const std::filesystem::path& path, OnEnd on_end);

    // Appends a frame, and stamps it with the time now. A file that cannot grow takes no more frames.
    void append(std::span<const iovec> frame);

private:
    PcapFile(host::FileDescriptor file, std::string name, OnEnd on_end)
        : file_(std::move(file)), name_(std::move(name)), on_end_(std::move(on_end)) {}
    void end(const char* why);

    host::FileDescriptor file_;
    std::string name_;
    OnEnd on_end_;
    std::vector<iovec> pieces_;
};

}  // namespace husk::backend
