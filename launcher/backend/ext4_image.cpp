// SPDX-License-Identifier: Apache-2.0
#include "launcher/backend/ext4_image.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <system_error>
#include <utility>
#include <vector>

#include "launcher/config/text.hpp"
#include "launcher/host/error.hpp"
#include "launcher/host/run_program.hpp"

namespace husk::backend {

namespace {

using config::fill_in;
using host::ExitCode;

constexpr std::uint64_t block_bytes = 4096;

std::filesystem::path require_mke2fs() {
    if (auto program = host::find_program("mke2fs")) return *program;
    throw host::Error(ExitCode::disk_tools,
                      "mke2fs is not installed: install e2fsprogs (as root: apt install e2fsprogs)");
}

// What mke2fs says last is what went wrong.
std::string last_line(std::string text) {
    text.erase(text.find_last_not_of(" \n") + 1);
    return text.substr(text.find_last_of('\n') + 1);
}

// The file system for the file that is open as `fd`.
host::ProgramResult make_file_system(const std::filesystem::path& mke2fs, int fd, std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"-q", "-F", "-t", "ext4"});
    arguments.push_back(fill_in("/proc/self/fd/{}", host::inherited_descriptor));
    return host::run_program(mke2fs, std::move(arguments), fd);
}

struct Needs {
    std::uint64_t blocks = 0;
    std::uint64_t files = 0;
};

// What a folder takes in an ext4 of 4 KiB blocks; holes count as data.
Needs measure(const std::filesystem::path& folder) {
    Needs needs;
    std::error_code error;
    using std::filesystem::directory_options;
    std::filesystem::recursive_directory_iterator entry(folder, directory_options::none, error);
    for (; !error && entry != std::filesystem::recursive_directory_iterator(); entry.increment(error)) {
        struct stat facts {};
        if (::lstat(entry->path().c_str(), &facts) != 0) continue;
        ++needs.files;
        needs.blocks += 1 + static_cast<std::uint64_t>(facts.st_size) / block_bytes;
    }
    if (error)
        throw host::Error(ExitCode::disk_unreadable,
                          fill_in("cannot read the folder {}: {}", folder.native(), error.message()));
    return needs;
}

host::FileDescriptor make_nameless_file() {
    const char* const variable = std::getenv("TMPDIR");
    const char* const folder = variable != nullptr ? variable : "/tmp";
    host::FileDescriptor fd(::open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    if (!fd.is_open())
        throw host::Error(ExitCode::disk_unreadable,
                          fill_in("cannot make a temporary file in {}: {}; set TMPDIR to another folder", folder,
                                  strerrordesc_np(errno)));
    return fd;
}

}  // namespace

void create_ext4(const std::filesystem::path& path, const Ext4Options& options) {
    const std::filesystem::path mke2fs = require_mke2fs();
    const host::FileDescriptor fd(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    if (!fd.is_open() && errno == EEXIST)
        throw host::Error(ExitCode::bad_disk,
                          fill_in("{} exists already: remove it first, or choose another name", path.native()));
    if (!fd.is_open())
        throw host::Error(ExitCode::disk_unreadable,
                          fill_in("cannot create {}: {}", path.native(), strerrordesc_np(errno)));
    const auto give_up = [&](ExitCode code, const std::string& sentence) {
        ::unlink(path.c_str());
        throw host::Error(code, sentence);
    };
    if (::ftruncate(fd.get(), static_cast<off_t>(options.size_bytes)) != 0)
        give_up(ExitCode::disk_unreadable,
                fill_in("cannot make {} so large: {}", path.native(), strerrordesc_np(errno)));
    std::vector<std::string> arguments;
    if (!options.label.empty()) arguments.insert(arguments.end(), {"-L", options.label});
    if (options.block_bytes != 0) arguments.insert(arguments.end(), {"-b", std::to_string(options.block_bytes)});
    const host::ProgramResult result = make_file_system(mke2fs, fd.get(), std::move(arguments));
    if (result.exit_status != 0)
        give_up(ExitCode::disk_tools, fill_in("mke2fs could not make {}: {}", path.native(), last_line(result.errors)));
}

DirectoryImage make_directory_image(const std::filesystem::path& folder) {
    std::error_code error;
    if (!std::filesystem::is_directory(folder, error))
        throw host::Error(ExitCode::disk_unreadable,
                          fill_in("--dir: {} is not a folder that can be read", folder.native()));
    const std::filesystem::path mke2fs = require_mke2fs();
    const Needs needs = measure(folder);
    // Inode tables, bitmaps, directories and extent blocks; the file is sparse, so that too much costs nothing.
    constexpr std::uint64_t spare_blocks = 2048, spare_files = 64, files_per_block = 16;
    const std::uint64_t blocks =
        needs.blocks + needs.blocks / 8 + (needs.files + spare_files) / files_per_block * 2 + spare_blocks;
    DirectoryImage image{make_nameless_file(), blocks * block_bytes};
    if (::ftruncate(image.fd.get(), static_cast<off_t>(image.size_bytes)) != 0)
        throw host::Error(ExitCode::disk_unreadable,
                          fill_in("cannot make an image of {} bytes: {}", image.size_bytes, strerrordesc_np(errno)));
    // Nobody writes to it, so it needs no journal and no blocks in reserve.
    const host::ProgramResult result =
        make_file_system(mke2fs, image.fd.get(),
                         {"-O", "^has_journal", "-m", "0", "-b", std::to_string(block_bytes), "-N",
                          std::to_string(needs.files + spare_files), "-d", folder.native()});
    if (result.exit_status != 0)
        throw host::Error(ExitCode::disk_tools, fill_in("mke2fs could not make an image of {}: {}", folder.native(),
                                                        last_line(result.errors)));
    return image;
}

}  // namespace husk::backend
