// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/anonymous_inode.hpp"

#include <atomic>

#include "guest-runtime/fs/file.hpp"
#include "guest-runtime/fs/filesystem.hpp"
#include "guest-runtime/fs/make_ref_as.hpp"
#include "guest-runtime/thread/clock.hpp"

namespace husk::fs {

namespace {

class AnonymousFilesystem final : public Filesystem {
public:
    constexpr AnonymousFilesystem() : Filesystem(make_device(0, 1), "anon_inodefs") {}
    Result<RefPtr<Inode>> root() override { return Errno::enodev; }
    FilesystemCounts counts() override { return {.magic = 0x09041934}; }
};

constinit AnonymousFilesystem anonymous_filesystem;
constinit std::atomic<std::uint64_t> next_number = 1;

}  // namespace

AnonymousInode::AnonymousInode(FileType type, std::string_view kind)
    : Inode(anonymous_filesystem, type),
      number_(next_number.fetch_add(1, std::memory_order_relaxed)),
      kind_(kind),
      born_ns_(thread::realtime_ns()) {}

Attributes AnonymousInode::attributes() {
    return {.number = number_,
            .mode = static_cast<std::uint32_t>(type()) | 0600,
            .accessed_ns = born_ns_,
            .modified_ns = born_ns_,
            .changed_ns = born_ns_,
            .born_ns = born_ns_};
}

Result<RefPtr<File>> AnonymousInode::open(std::uint32_t) { return Errno::enxio; }

Result<Text> AnonymousInode::description() {
    Text text;
    if (type() == FileType::none) {
        text.text("anon_inode:").text(kind_);
    } else {
        text.text(kind_).text(":[").decimal(number_).text("]");
    }
    HUSK_TRY(text.check());
    return text;
}

Result<RefPtr<Inode>> make_anonymous_inode(std::string_view kind) {
    return make_ref_as<Inode, AnonymousInode>(FileType::none, kind);
}

}  // namespace husk::fs
