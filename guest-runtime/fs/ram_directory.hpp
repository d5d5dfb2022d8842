// SPDX-License-Identifier: Apache-2.0
// A directory of the RAM file system.
#pragma once

#include "guest-runtime/fs/ram_directory_index.hpp"
#include "guest-runtime/fs/ram_inode.hpp"

namespace husk::fs {

class RamDirectory final : public RamInode {
public:
    RamDirectory(RamFilesystem& filesystem, std::uint32_t permissions)
        : RamInode(filesystem, FileType::directory, permissions) {}

    Result<RefPtr<Inode>> lookup(std::string_view name) override;
    RefPtr<Inode> parent() override { return RefPtr<Inode>(parent_); }
    Result<RefPtr<Inode>> create(std::string_view name, const NewInode& wanted) override;
    Result<RefPtr<Inode>> create_unnamed(std::uint32_t permissions) override;
    Result<> link(std::string_view name, Inode& target) override;
    Result<> unlink(std::string_view name) override;
    Result<> remove_directory(std::string_view name) override;
    Result<> rename(std::string_view name, Inode& to, std::string_view new_name, RenameMode mode) override;
    Result<> list(std::uint64_t position, DirectoryVisitor& visitor) override;

    // The root: its own parent, never removed.
    void become_root();
    // Puts off what the directory begins with until somebody looks into it: most programs never look into /dev or /etc.
    // `filler` runs once, with the structure lock held.
    using Fill = void (*)(RamDirectory&);
    void fill_later(Fill filler) { fill_ = filler; }

protected:
    void describe(Attributes& attributes) override;

private:
    void fill() {
        if (Fill filler = std::exchange(fill_, nullptr)) filler(*this);
    }
    Result<> exchange(RamEntry& entry, RamDirectory& to, RamEntry& other);
    // `inode` has come into or gone from this directory.
    void on_arrival(Inode& inode);
    void on_departure(Inode& inode);
    // `inode` has lost its name here for good.
    void on_removal(Inode& inode);

    RamDirectoryIndex entries_;
    Fill fill_ = nullptr;
    RamDirectory* parent_ = nullptr;  // stays alive while this directory is in it; null: removed
};

}  // namespace husk::fs
