// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/syscall/directory_calls.hpp"

#include <algorithm>
#include <cstring>

#include "guest-runtime/fs/descriptor_table.hpp"
#include "guest-runtime/fs/process_view.hpp"
#include "guest-runtime/syscall/at_path.hpp"

namespace husk::sys {

namespace {

// Packs entries as struct linux_dirent64 or, `old`, as struct linux_dirent (type in the last byte).
class EntryPacker final : public fs::DirectoryVisitor {
public:
    EntryPacker(std::span<std::byte> to, bool old) : to_(to), old_(old) {}

    bool visit(std::string_view name, std::uint64_t number, fs::FileType type, std::uint64_t next) override {
        std::size_t name_offset = old_ ? 18 : 19;
        std::size_t size = (name_offset + name.size() + 1 + (old_ ? 1 : 0) + 7) & ~std::size_t{7};
        if (size > to_.size() - used_) {
            full_ = true;
            return false;
        }
        std::byte* entry = to_.data() + used_;
        std::memset(entry, 0, size);
        auto size_16 = static_cast<std::uint16_t>(size);
        auto type_8 = fs::directory_entry_type(type);
        std::memcpy(entry, &number, 8);
        std::memcpy(entry + 8, &next, 8);
        std::memcpy(entry + 16, &size_16, 2);
        std::memcpy(entry + (old_ ? size - 1 : 18), &type_8, 1);
        std::memcpy(entry + name_offset, name.data(), name.size());
        used_ += size;
        return true;
    }

    [[nodiscard]] std::size_t used() const { return used_; }
    [[nodiscard]] bool is_full() const { return full_; }

private:
    std::span<std::byte> to_;
    std::size_t used_ = 0;
    bool full_ = false;
    bool old_;
};

Result<std::size_t> list_entries(const Call& call, bool old) {
    constexpr std::size_t most = 32 << 10;
    RefPtr<fs::File> file = HUSK_TRY(fs::file_of(call.fd(0)));
    if (file->kind() != fs::FileKind::directory) return Errno::enotdir;
    std::size_t room = std::min<std::size_t>(static_cast<std::uint32_t>(call[2]), most);
    auto bounce = HUSK_TRY(fs::HeapArray<std::byte>::create(room));
    EntryPacker packer(bounce.span(), old);
    HUSK_TRY(file->list(packer));
    if (packer.used() == 0) return packer.is_full() ? Result<std::size_t>(Errno::einval) : std::size_t{0};
    HUSK_TRY(copy_out(call[1], bounce.data(), packer.used()));
    return packer.used();
}

Result<std::size_t> current_path(const Call& call) {
    RefPtr<fs::Inode> directory = fs::working_directory();
    fs::Text path = HUSK_TRY(fs::path_of_directory(*directory));
    path.text({"\0", 1});
    HUSK_TRY(path.check());
    if (path.size() > call[1]) return Errno::erange;
    HUSK_TRY(copy_out(call[0], path.view().data(), path.size()));
    return path.size();
}

Result<> change_directory(RefPtr<fs::Inode> directory) {
    if (!directory->is_directory()) return Errno::enotdir;
    fs::set_working_directory(std::move(directory));
    return {};
}

Result<> change_directory_by_path(const Call& call) {
    return change_directory(HUSK_TRY(inode_at(fs::at_cwd, call.pointer<const char>(0), 0)));
}

Result<> change_directory_by_descriptor(const Call& call) {
    RefPtr<fs::File> file = HUSK_TRY(fs::place_of(call.fd(0)));
    return change_directory(RefPtr<fs::Inode>(&file->inode()));
}

}  // namespace

SysResult sys_getdents(const Call& call) { return list_entries(call, true); }
SysResult sys_getdents64(const Call& call) { return list_entries(call, false); }
SysResult sys_getcwd(const Call& call) { return current_path(call); }
SysResult sys_chdir(const Call& call) { return change_directory_by_path(call); }
SysResult sys_fchdir(const Call& call) { return change_directory_by_descriptor(call); }
SysResult sys_chroot(const Call& call) {
    RefPtr<fs::Inode> inode = HUSK_TRY(inode_at(fs::at_cwd, call.pointer<const char>(0), 0));
    return inode->is_directory() ? Errno::eperm : Errno::enotdir;
}
SysResult sys_umask(const Call& call) { return fs::set_umask(static_cast<std::uint32_t>(call[0])); }

}  // namespace husk::sys
