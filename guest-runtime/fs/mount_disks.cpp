// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/mount_disks.hpp"

#include "guest-runtime/fs/block/block_devices.hpp"
#include "guest-runtime/fs/block/blocking.hpp"
#include "guest-runtime/fs/disk_filesystems.hpp"
#include "guest-runtime/fs/layout.hpp"
#include "guest-runtime/fs/mount_table.hpp"
#include "guest-runtime/fs/page_cache_list.hpp"
#include "guest-runtime/thread/death.hpp"

namespace husk::fs {

namespace {

constexpr std::string_view mount_name = "mount=";

struct MountWish {
    std::string_view disk;
    std::string_view path;
    bool read_only;
};

Result<MountWish> read_wish(std::string_view text) {
    std::size_t colon = text.find(':');
    if (colon == std::string_view::npos || text.substr(colon + 1, 1) != "/") return Errno::einval;
    MountWish wish{text.substr(0, colon), text.substr(colon + 1), false};
    if (wish.path.ends_with(":ro")) {
        wish.path.remove_suffix(3);
        wish.read_only = true;
    }
    return wish;
}

// Calls visit(value) for each setting of that name, until it returns an error.
template <class Visit>
Result<> for_each_mount(std::string_view settings, Visit visit) {
    while (!settings.empty()) {
        std::string_view word = settings.substr(0, settings.find('\0'));
        settings.remove_prefix(std::min(word.size() + 1, settings.size()));
        if (word.starts_with(mount_name)) HUSK_TRY(visit(word.substr(mount_name.size())));
    }
    return {};
}

Result<> mount_one(const MountWish& wish) {
    block::BlockDevice* device = block::find_device(wish.disk);
    if (device == nullptr) return Errno::enxio;
    Filesystem* filesystem = HUSK_TRY(open_disk_filesystem(*device, wish.read_only || device->is_read_only()));
    RefPtr<Inode> covered = HUSK_TRY(make_directories(wish.path));
    Text source;
    source.text("/dev/").text(wish.disk);
    HUSK_TRY(source.check());
    return mount(*filesystem, covered, wish.path, source.view());
}

void explain(TextWriter& why, Errno error) {
    switch (error) {
        case Errno::enxio:
            why.text("there is no such disk");
            break;
        case Errno::enodev:
            why.text("it holds no file system that is known here");
            break;
        case Errno::ebusy:
            why.text("something is mounted there already");
            break;
        case Errno::enotdir:
            why.text("the place is no directory");
            break;
        case Errno::eio:
            why.text("the disk cannot be read");
            break;
        case Errno::enomem:
            why.text("there is too little memory");
            break;
        default:
            why.text("error ").decimal(static_cast<std::uint64_t>(error));
    }
}

void shut_down_all() {
    for (std::size_t i = 0; const Mount* entry = mount_at(i); ++i) (void)entry->filesystem->unmount();
    (void)page_caches().write_back_all(nullptr);
    for (std::size_t i = 0; block::BlockDevice* device = block::device_at(i); ++i) {
        if (device->was_changed()) (void)block::flush(*device);
    }
}

}  // namespace

bool wants_mounts(std::string_view settings) {
    return !for_each_mount(settings, [](std::string_view) { return Result<>(Errno::eexist); }).ok();
}

Result<> mount_disks(std::string_view settings, TextWriter& why) {
    sync_at_exit();
    return for_each_mount(settings, [&](std::string_view text) -> Result<> {
        auto wish = read_wish(text);
        if (!wish.ok()) {
            why.text("cannot mount ").text(text).text(": it should read DISK:/DIRECTORY or DISK:/DIRECTORY:ro");
            return wish.error();
        }
        auto mounted = mount_one(wish.value());
        if (mounted.ok()) return {};
        why.text("cannot mount ").text(wish.value().disk).text(" on ").text(wish.value().path).text(": ");
        explain(why, mounted.error());
        return mounted;
    });
}

Result<> sync_disks() {
    Result<> result = page_caches().write_back_all(nullptr);
    for (std::size_t i = 0; block::BlockDevice* device = block::device_at(i); ++i) {
        if (device->is_read_only()) continue;
        auto flushed = block::flush(*device);
        if (!flushed.ok() && result.ok()) result = flushed.error();
    }
    return result;
}

void sync_at_exit() { thread::add_exit_hook(shut_down_all); }

}  // namespace husk::fs
