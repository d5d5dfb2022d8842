// SPDX-License-Identifier: Apache-2.0
// What every inode of the RAM file system has: a number, attributes, extended attributes.
#pragma once

#include "guest-runtime/fs/extended_attributes.hpp"
#include "guest-runtime/fs/inode.hpp"
#include "guest-runtime/fs/ram_filesystem.hpp"

namespace husk::fs {

class RamInode : public Inode {
public:
    RamInode(RamFilesystem& filesystem, FileType type, std::uint32_t permissions, std::uint64_t represented_device = 0);
    ~RamInode() override;

    Attributes attributes() override;
    Result<> change(const AttributeChange& change) override;
    Result<Text> extended_attribute(std::string_view name) override;
    Result<> set_extended_attribute(std::string_view name, std::string_view value, int flags) override;
    Result<> remove_extended_attribute(std::string_view name) override;
    Result<Text> extended_attribute_names() override;

    void add_links(int change);
    // Contents (and so the status), or the status alone, changed now.
    void touch_modified();
    void touch_changed();
    // As with the mount option relatime.
    void touch_accessed();

protected:
    RamFilesystem& ram() const { return static_cast<RamFilesystem&>(filesystem()); }
    // Size and blocks, which the kinds know.
    virtual void describe(Attributes& attributes) = 0;

private:
    Spinlock lock_;
    Attributes stored_;
    thread::Mutex extended_lock_;
    ExtendedAttributes extended_;
};

Result<RefPtr<Inode>> make_ram_inode(RamFilesystem& filesystem, const NewInode& wanted);

}  // namespace husk::fs
