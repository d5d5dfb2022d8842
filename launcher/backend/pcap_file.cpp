// SPDX-License-Identifier: Apache-2.0
#include "launcher/backend/pcap_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>

#include "launcher/backend/pieces.hpp"
#include "launcher/config/text.hpp"
#include "launcher/host/errno_error.hpp"

namespace husk::backend {

PcapFile PcapFile::create(const std::filesystem::path& path, OnEnd on_end) {
    host::FileDescriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    const PcapFileHeader header;
    if (!file.is_open() || ::write(file.get(), &header, sizeof header) != static_cast<ssize_t>(sizeof header))
        throw host::errno_error("cannot write the capture " + path.native());
    return {std::move(file), path.native(), std::move(on_end)};
}

void PcapFile::append(std::span<const iovec> frame) {
    if (!file_.is_open()) return;
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    const auto frame_bytes = static_cast<std::uint32_t>(total_bytes(frame));
    PcapFrameHeader header{static_cast<std::uint32_t>(now.tv_sec), static_cast<std::uint32_t>(now.tv_nsec), frame_bytes,
                           frame_bytes};
    pieces_.assign(1, iovec{&header, sizeof header});
    pieces_.insert(pieces_.end(), frame.begin(), frame.end());
    const off_t begin = ::lseek(file_.get(), 0, SEEK_CUR);
    const ssize_t written = ::writev(file_.get(), pieces_.data(), static_cast<int>(pieces_.size()));
    if (written < 0) {
        end(::strerrordesc_np(errno));
    } else if (written != static_cast<ssize_t>(sizeof header + frame_bytes)) {
        // One that is there in part is damage to who reads the file.
        if (begin > 0) (void)::ftruncate(file_.get(), begin);
        end("there is no room for the next one");
    }
}

void PcapFile::end(const char* why) {
    file_.close();
    if (on_end_) on_end_(config::fill_in("{} records no more frames: {}", name_, why));
}

}  // namespace husk::backend
