// SPDX-License-Identifier: Apache-2.0
// Images of file systems in temporary files, made and checked by e2fsprogs, and as disks for the code under test.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "guest-runtime/fs/block/block_device.hpp"

namespace husk::test {

struct CommandResult {
    int status;
    std::string output;  // stdout and stderr
};
CommandResult run_command(const std::string& command);

// A folder that goes with everything in it.
class TemporaryFolder {
public:
    TemporaryFolder();
    ~TemporaryFolder();
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    [[nodiscard]] std::string path(const std::string& name) const { return (folder_ / name).string(); }

private:
    std::filesystem::path folder_;
};

// A sparse file with a file system on it.
class Image {
public:
    // `size` and `options` as mke2fs takes them: "64M", "-b 1024".
    explicit Image(const std::string& size, const std::string& options = "");

    [[nodiscard]] std::string path() const { return folder_.path("image"); }
    [[nodiscard]] std::string beside(const std::string& name) const { return folder_.path(name); }
    // What debugfs prints for one request; `write`: it may change the image.
    std::string debugfs(const std::string& request, bool write = false) const;
    // Fails the test unless e2fsck finds nothing.
    void check() const;

private:
    TemporaryFolder folder_;
};

// The file as a disk that answers at once.
class FileBlockDevice final : public block::BlockDevice {
public:
    explicit FileBlockDevice(const std::string& path);
    ~FileBlockDevice();

    [[nodiscard]] std::string_view name() const override { return "file0"; }
    [[nodiscard]] std::uint64_t size_bytes() const override { return size_bytes_; }
    [[nodiscard]] bool is_read_only() const override { return read_only; }

    bool read_only = false;
    bool broken = false;  // every request fails
    // Runs once, before the next request: what another thread does meanwhile.
    std::function<void()> meanwhile;

protected:
    void start(List<block::BlockRequest>& requests) override;

private:
    int fd_;
    std::uint64_t size_bytes_;
};

}  // namespace husk::test
