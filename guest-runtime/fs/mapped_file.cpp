// SPDX-License-Identifier: Apache-2.0
// Files as what stands behind mappings.
#include "guest-runtime/fs/descriptor_table.hpp"
#include "guest-runtime/fs/make_ref_as.hpp"
#include "guest-runtime/fs/memory_file.hpp"
#include "guest-runtime/memory/file_mapping.hpp"

namespace husk::fs {

namespace {

class InodePages final : public memory::PageSource {
public:
    explicit InodePages(RefPtr<Inode> inode) : inode_(std::move(inode)) {}

    Result<abi::GuestPhys> page(std::uint64_t index, bool for_write) override {
        if (index * abi::page_size >= inode_->size_bytes()) return Errno::enxio;
        return inode_->page_for_mapping(index, for_write);
    }

    // As far as fsync(2): also what stands behind the file knows of it.
    Result<> write_back(std::uint64_t, std::uint64_t) override { return inode_->sync(true); }

private:
    RefPtr<Inode> inode_;
};

constexpr std::uint64_t zero_device = make_device(1, 5);

}  // namespace

Result<RefPtr<memory::PageSource>> page_source_of(int fd, bool writable_shared, memory::Protection) {
    RefPtr<File> file = HUSK_TRY(file_of(fd));
    if (!file->is_readable() || (writable_shared && !file->is_writable())) return Errno::eacces;
    if (file->kind() == FileKind::device && file->attributes().represented_device == zero_device) {
        return RefPtr<memory::PageSource>();
    }
    if (file->kind() != FileKind::regular && file->data().page_cache() == nullptr) return Errno::enodev;
    if (writable_shared) {
        auto seals = file->inode().seals();
        if (seals.ok() && (seals.value() & (seal::write | seal::future_write)) != 0) return Errno::eperm;
    }
    return make_ref_as<memory::PageSource, InodePages>(RefPtr<Inode>(&file->data()));
}

}  // namespace husk::fs
