// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/guest/fs/ext4_image.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>

#include "guest-runtime/base/crc32c.hpp"
#include "guest-runtime/fs/block/blocking.hpp"
#include "guest-runtime/fs/heap_array.hpp"

namespace husk::test {

namespace {

class TemporaryFolder {
public:
    TemporaryFolder() {
        std::string pattern = (std::filesystem::temp_directory_path() / "husk-ext4-XXXXXX").string();
        if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
        path_ = pattern;
    }
    ~TemporaryFolder() { std::filesystem::remove_all(path_); }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }

private:
    std::string path_;
};

void write_file(const std::string& path, const std::vector<std::byte>& bytes) {
    std::ofstream file(path, std::ios::binary);
    file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    if (!file) throw std::runtime_error("cannot write " + path);
}

std::vector<std::byte> read_file(const std::string& path) {
    std::vector<std::byte> bytes(std::filesystem::file_size(path));
    std::ifstream file(path, std::ios::binary);
    file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    if (!file) throw std::runtime_error("cannot read " + path);
    return bytes;
}

ToolResult run(const std::string& command) {
    // e2fsprogs lives in sbin, which a user's PATH may lack.
    std::FILE* pipe = ::popen(("PATH=$PATH:/usr/sbin:/sbin; " + command + " 2>&1 </dev/null").c_str(), "r");
    if (pipe == nullptr) throw std::runtime_error("cannot run " + command);
    ToolResult result{};
    char buffer[4096];
    while (std::size_t size = std::fread(buffer, 1, sizeof buffer, pipe)) result.output.append(buffer, size);
    result.status = WEXITSTATUS(::pclose(pipe));
    return result;
}

std::string replaced(std::string text, const std::string& what, const std::string& with) {
    for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size()) {
        text.replace(at, what.size(), with);
    }
    return text;
}

std::vector<std::uint64_t> blocks_of(const std::string& image, const std::string& file) {
    ToolResult listed = run("debugfs -R 'blocks " + file + "' " + image);
    std::istringstream lines(listed.output.substr(listed.output.find('\n') + 1));
    std::vector<std::uint64_t> blocks;
    for (std::uint64_t block = 0; lines >> block;) blocks.push_back(block);
    if (blocks.empty()) throw std::runtime_error("debugfs: " + listed.output);
    return blocks;
}

}  // namespace

journal::JournalMap Ext4Image::journal_map() const {
    journal::JournalMap map;
    for (std::uint64_t block : journal_blocks) {
        if (!map.append(block, 1).ok()) throw std::bad_alloc();
    }
    return map;
}

const Ext4Image& make_ext4_image(std::uint32_t block_bytes, const std::string& features) {
    static std::map<std::pair<std::uint32_t, std::string>, Ext4Image> made;
    auto [place, is_new] = made.try_emplace({block_bytes, features});
    Ext4Image& image = place->second;
    if (!is_new) return image;
    TemporaryFolder folder;
    std::string path = folder.file("image");
    std::uint64_t blocks = 2560;
    write_file(folder.file("scratch"), std::vector<std::byte>(std::size_t{400} * block_bytes, std::byte{'s'}));
    ToolResult result = run("mke2fs -q -F -t ext4 -b " + std::to_string(block_bytes) +
                            " -N 64 -J size=" + std::to_string((1024 * block_bytes) >> 20) + " -O '" + features + "' " +
                            path + " " + std::to_string(blocks));
    if (result.status != 0) throw std::runtime_error("mke2fs: " + result.output);
    result = run("debugfs -w -R 'write " + folder.file("scratch") + " scratch' " + path);
    image.block_bytes = block_bytes;
    image.journal_blocks = blocks_of(path, "<8>");
    image.file_blocks = blocks_of(path, "/scratch");
    image.contents = read_file(path);
    image.has_checksums = features.find("^metadata_csum") == std::string::npos;
    image.is_wide = features.find("^64bit") == std::string::npos;
    return image;
}

ToolResult run_on_image(std::vector<std::byte>& image, const std::string& command, const std::vector<SideFile>& files) {
    TemporaryFolder folder;
    std::string path = folder.file("image"), complete = replaced(command, "{}", path);
    write_file(path, image);
    for (const SideFile& file : files) {
        write_file(folder.file(file.name), file.bytes);
        complete = replaced(complete, "@" + file.name, folder.file(file.name));
    }
    ToolResult result = run(complete);
    image = read_file(path);
    return result;
}

ToolResult run_on_image(std::vector<std::byte>& image, const std::string& command) {
    return run_on_image(image, command, {});
}

Result<> Ext4Owner::mark_for_recovery() {
    constexpr std::size_t super_at = 1024, incompatible_at = 0x60, checksum_at = 0x3fc, read_only_at = 0x64;
    constexpr std::uint32_t recover = 4, metadata_csum = 0x400;
    auto super = HUSK_TRY(fs::HeapArray<std::byte>::create(1024));
    HUSK_TRY(block::read(device_, super_at, super.span()));
    std::uint32_t word = 0;
    std::memcpy(&word, super.data() + incompatible_at, 4);
    word |= recover;
    std::memcpy(super.data() + incompatible_at, &word, 4);
    std::memcpy(&word, super.data() + read_only_at, 4);
    if ((word & metadata_csum) != 0) {
        word = crc32c(crc32c_start, super.span().first(checksum_at));
        std::memcpy(super.data() + checksum_at, &word, 4);
    }
    HUSK_TRY(block::write(device_, super_at, super.span()));
    return block::flush(device_);
}

}  // namespace husk::test
