// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/syscall/open_calls.hpp"

#include "guest-runtime/fs/descriptor_table.hpp"
#include "guest-runtime/fs/open_file.hpp"
#include "guest-runtime/syscall/at_path.hpp"

namespace husk::sys {

namespace {

Result<int> open_at(int directory_fd, UserPtr<const char> path, std::uint64_t raw_flags, std::uint64_t permissions) {
    // open(2) ignores bits that it does not know.
    std::uint32_t flags = static_cast<std::uint32_t>(raw_flags) & fs::open_flag::all;
    HUSK_TRY(fs::check_open_flags(flags));
    fs::UserPath text;
    HUSK_TRY(text.copy_from(path));
    if (text.view().empty()) return Errno::enoent;
    // As Linux, before anything is created. Another thread may still take the last one.
    HUSK_TRY(fs::descriptors().require_free());
    RefPtr<fs::Inode> start = HUSK_TRY(start_of(directory_fd, text.view()));
    RefPtr<fs::File> file =
        HUSK_TRY(fs::open_file(std::move(start), text.view(), flags, static_cast<std::uint32_t>(permissions)));
    return fs::descriptors().add(std::move(file), (flags & fs::open_flag::close_on_exec) != 0);
}

// struct open_how
struct OpenHow {
    std::uint64_t flags;
    std::uint64_t mode;
    std::uint64_t resolve;
};

Result<int> open_at_2(const Call& call) {
    if (call[3] < sizeof(OpenHow)) return Errno::einval;
    if (call[3] > sizeof(OpenHow)) return Errno::e2big;
    OpenHow how = HUSK_TRY(call.pointer<OpenHow>(2).load());
    bool creates =
        (how.flags & fs::open_flag::create) != 0 || (how.flags & fs::open_flag::unnamed) == fs::open_flag::unnamed;
    if ((how.flags & ~std::uint64_t{fs::open_flag::all}) != 0) return Errno::einval;
    if (how.mode != 0 && (!creates || (how.mode & ~std::uint64_t{fs::permission_mask}) != 0)) return Errno::einval;
    // RESOLVE_* asks for guarantees on the way that resolve() does not give.
    if (how.resolve != 0) return Errno::einval;
    return open_at(call.fd(0), call.pointer<const char>(1), how.flags, how.mode);
}

}  // namespace

SysResult sys_open(const Call& call) { return open_at(fs::at_cwd, call.pointer<const char>(0), call[1], call[2]); }
SysResult sys_openat(const Call& call) { return open_at(call.fd(0), call.pointer<const char>(1), call[2], call[3]); }
SysResult sys_openat2(const Call& call) { return open_at_2(call); }
SysResult sys_creat(const Call& call) {
    constexpr std::uint32_t flags = fs::open_flag::create | fs::open_flag::write_only | fs::open_flag::truncate;
    return open_at(fs::at_cwd, call.pointer<const char>(0), flags, call[1]);
}

}  // namespace husk::sys
