// SPDX-License-Identifier: Apache-2.0
// A mounted image, used by path as an application does.
#pragma once

#include <map>
#include <string>

#include "guest-runtime/fs/ext4/ext4.hpp"
#include "guest-runtime/fs/file.hpp"
#include "tests/unit/guest/fs/ext4/image.hpp"

namespace husk::test {

// Paths are absolute. Calls answer like system calls; `expect` ones fail the test on an error.
class Mounted {
public:
    explicit Mounted(const Image& image, bool read_only = false);
    explicit Mounted(const std::string& path, bool read_only = false);
    ~Mounted();  // unmounts
    Mounted(const Mounted&) = delete;
    Mounted& operator=(const Mounted&) = delete;

    fs::ext4::Ext4& filesystem() { return *filesystem_; }
    FileBlockDevice& device() { return device_; }
    // Goes without unmounting, as when the power fails.
    void crash();

    Result<RefPtr<fs::Inode>> find(const std::string& path);
    Result<RefPtr<fs::Inode>> create(const std::string& path, const fs::NewInode& wanted);
    Result<> make_directory(const std::string& path);
    Result<> symlink(const std::string& target, const std::string& path);
    Result<> link(const std::string& target, const std::string& path);
    Result<> unlink(const std::string& path);
    Result<> remove_directory(const std::string& path);
    Result<> rename(const std::string& from, const std::string& to, fs::RenameMode mode = fs::RenameMode::replace);
    Result<> resize(const std::string& path, std::uint64_t size_bytes);
    Result<std::size_t> write(fs::Inode& inode, std::uint64_t offset, const std::string& text);
    // Creates the file when it is not there.
    Result<std::size_t> write(const std::string& path, std::uint64_t offset, const std::string& text);
    std::string read(fs::Inode& inode, std::uint64_t offset = 0, std::size_t most = 1 << 24);
    std::string read(const std::string& path) { return read(*expect(path)); }
    std::multimap<std::string, std::uint64_t> list(const std::string& path, std::size_t entries_per_call = 1000);

    RefPtr<fs::Inode> expect(const std::string& path);

private:
    struct Split {
        RefPtr<fs::Inode> directory;
        std::string name;
    };
    Result<Split> split(const std::string& path);

    FileBlockDevice device_;
    fs::ext4::Ext4* filesystem_ = nullptr;
};

void expect_ok(const Result<>& result);

}  // namespace husk::test
