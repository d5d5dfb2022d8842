// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/guest/fs/ext4/image.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <utility>

#include <doctest/doctest.h>

#include "guest-runtime/memory/frames.hpp"

namespace husk::test {

CommandResult run_command(const std::string& command) {
    CommandResult result{-1, {}};
    FILE* pipe = ::popen(("PATH=$PATH:/usr/sbin:/sbin; " + command + " 2>&1").c_str(), "r");
    if (pipe == nullptr) return result;
    char buffer[4096];
    while (std::size_t got = std::fread(buffer, 1, sizeof buffer, pipe)) result.output.append(buffer, got);
    int status = ::pclose(pipe);
    result.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return result;
}

TemporaryFolder::TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "husk-ext4-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
    folder_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
}

Image::Image(const std::string& size, const std::string& options) {
    auto made = run_command("mke2fs -q -t ext4 " + options + " " + path() + " " + size);
    REQUIRE_MESSAGE(made.status == 0, made.output);
}

std::string Image::debugfs(const std::string& request, bool write) const {
    auto result = run_command(std::string("debugfs ") + (write ? "-w " : "") + "-R '" + request + "' " + path());
    // The first line is the version.
    return result.output.substr(std::min(result.output.size(), result.output.find('\n') + 1));
}

void Image::check() const {
    auto result = run_command("e2fsck -fn " + path());
    CHECK_MESSAGE(result.status == 0, result.output);
}

FileBlockDevice::FileBlockDevice(const std::string& path) : fd_(::open(path.c_str(), O_RDWR | O_CLOEXEC)) {
    if (fd_ < 0) throw std::runtime_error("cannot open " + path);
    size_bytes_ = static_cast<std::uint64_t>(::lseek(fd_, 0, SEEK_END));
}

FileBlockDevice::~FileBlockDevice() { ::close(fd_); }

void FileBlockDevice::start(List<block::BlockRequest>& requests) {
    if (auto action = std::exchange(meanwhile, nullptr)) action();
    while (block::BlockRequest* request = requests.pop_front()) {
        auto offset = static_cast<off_t>(request->offset);
        if (broken) request->error = Errno::eio;
        for (const block::Piece& piece : request->pieces) {
            if (request->error) break;
            auto* memory = memory::frame_pointer<std::byte>(piece.begin);
            bool is_read = request->operation == block::Operation::read;
            ssize_t moved = is_read ? ::pread(fd_, memory, piece.size_bytes, offset)
                                    : ::pwrite(fd_, memory, piece.size_bytes, offset);
            if (moved != static_cast<ssize_t>(piece.size_bytes)) request->error = Errno::eio;
            offset += static_cast<off_t>(piece.size_bytes);
        }
        request->on_done();
    }
}

}  // namespace husk::test
