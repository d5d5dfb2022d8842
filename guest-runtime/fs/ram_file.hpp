// SPDX-License-Identifier: Apache-2.0
// A regular file of the RAM file system.
#pragma once

#include "guest-runtime/fs/page_tree.hpp"
#include "guest-runtime/fs/ram_inode.hpp"

namespace husk::fs {

class RamFile : public RamInode {
public:
    RamFile(RamFilesystem& filesystem, std::uint32_t permissions)
        : RamInode(filesystem, FileType::regular, permissions) {}
    ~RamFile() override;

    std::uint64_t size_bytes() override;
    Result<abi::GuestPhys> page_for_read(std::uint64_t index) override;
    Result<abi::GuestPhys> page_for_write(std::uint64_t index) override;
    Result<> resize(std::uint64_t size_bytes) override;
    void written_to(std::uint64_t begin, std::uint64_t end) override;
    // F_SEAL_SEAL: as a file of Linux's tmpfs that memfd_create() did not make.
    Result<std::uint32_t> seals() override { return 1u; }
    Result<> add_seals(std::uint32_t) override { return Errno::eperm; }
    void was_read() override { touch_accessed(); }
    Result<> allocate(std::uint64_t offset, std::uint64_t size_bytes, bool keep_size) override;
    Result<> punch_hole(std::uint64_t offset, std::uint64_t size_bytes) override;
    Result<std::uint64_t> seek_data(std::uint64_t offset, bool hole) override;

protected:
    void describe(Attributes& attributes) override;

private:
    void remove_pages(std::uint64_t first, std::uint64_t last);
    void zero_in_page(std::uint64_t offset, std::uint64_t size_bytes);

    Spinlock lock_;
    PageTree pages_;
    std::uint64_t size_bytes_ = 0;
};

}  // namespace husk::fs
