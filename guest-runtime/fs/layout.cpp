// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/layout.hpp"

#include <cstring>

#include "guest-runtime/base/panic.hpp"
#include "guest-runtime/fs/block/block_devices.hpp"
#include "guest-runtime/fs/block_file.hpp"
#include "guest-runtime/fs/console_file.hpp"
#include "guest-runtime/fs/device_table.hpp"
#include "guest-runtime/fs/memory_devices.hpp"
#include "guest-runtime/fs/mount_table.hpp"
#include "guest-runtime/fs/path.hpp"
#include "guest-runtime/fs/proc.hpp"
#include "guest-runtime/fs/ram_directory.hpp"
#include "guest-runtime/fs/sysfs.hpp"
#include "guest-runtime/fs/system_facts.hpp"
#include "guest-runtime/memory/frames.hpp"

namespace husk::fs {

namespace {

constinit RamFilesystem root_filesystem(make_device(0, 20), "tmpfs");
constinit GeneratedFilesystem proc_filesystem(make_device(0, 21), "proc", 0x9fa0, proc_tree);
constinit GeneratedFilesystem sys_filesystem(make_device(0, 22), "sysfs", 0x62656572, sys_tree);

constexpr std::uint64_t tty_device = make_device(5, 0);
constexpr std::uint64_t console_device = make_device(5, 1);

// The directories are filled by whoever first looks into them, who has no use for an error; what does not fit is
// missing.
RefPtr<Inode> add(RamDirectory& directory, std::string_view name, const NewInode& wanted) {
    auto created = directory.create(name, wanted);
    return created.ok() ? std::move(created).value() : RefPtr<Inode>();
}

RamDirectory* add_directory(RamDirectory& directory, std::string_view name, std::uint32_t permissions = 0755) {
    RefPtr<Inode> made = add(directory, name, {.type = FileType::directory, .permissions = permissions, .target = {}});
    return static_cast<RamDirectory*>(made.get());  // the directory keeps it
}

void add_symlink(RamDirectory& directory, std::string_view name, std::string_view target) {
    add(directory, name, {.type = FileType::symlink, .permissions = 0777, .target = target});
}

void add_device(RamDirectory& directory, std::string_view name, std::uint64_t device, std::uint32_t permissions) {
    add(directory, name,
        {.type = FileType::character, .permissions = permissions, .represented_device = device, .target = {}});
}

void add_file(RamDirectory& directory, std::string_view name, std::string_view text) {
    RefPtr<Inode> file = add(directory, name, {.type = FileType::regular, .permissions = 0644, .target = {}});
    if (!file || text.empty() || text.size() > abi::page_size) return;
    auto frame = file->page_for_write(0);
    if (!frame.ok()) return;
    std::memcpy(memory::frame_pointer<char>(frame.value()), text.data(), text.size());
    memory::release_frames(frame.value(), 0);
    file->written_to(0, text.size());
}

void fill_devices(RamDirectory& dev) {
    struct Device {
        std::string_view name;
        std::uint64_t device;
        std::uint32_t permissions;
    };
    constexpr Device devices[] = {
        {"null", make_device(1, 3), 0666},   {"zero", make_device(1, 5), 0666},    {"full", make_device(1, 7), 0666},
        {"random", make_device(1, 8), 0666}, {"urandom", make_device(1, 9), 0666}, {"tty", tty_device, 0666},
        {"console", console_device, 0600},
    };
    for (const Device& device : devices) add_device(dev, device.name, device.device, device.permissions);
    for (std::size_t i = 0; const block::BlockDevice* disk = block::device_at(i); ++i) {
        add(dev, disk->name(),
            {.type = FileType::block, .permissions = 0660, .represented_device = block_device_number(i), .target = {}});
    }
    add_symlink(dev, "fd", "/proc/self/fd");
    add_symlink(dev, "stdin", "/proc/self/fd/0");
    add_symlink(dev, "stdout", "/proc/self/fd/1");
    add_symlink(dev, "stderr", "/proc/self/fd/2");
    add_directory(dev, "shm", 01777);
}

void fill_settings(RamDirectory& etc) {
    struct Setting {
        std::string_view name;
        std::string_view text;
    };
    constexpr Setting settings[] = {
        {"passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"},
        {"group", "root:x:0:\nnogroup:x:65534:\n"},
        {"nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n"},
        {"os-release", "NAME=Husk\nID=husk\nPRETTY_NAME=Husk\n"},
    };
    for (const Setting& setting : settings) add_file(etc, setting.name, setting.text);
    std::string_view node = facts::system_names().node;
    Text hosts, host_name;
    hosts.text("127.0.0.1\tlocalhost ").text(node).text("\n::1\tlocalhost ip6-localhost ip6-loopback\n");
    host_name.text(node).text("\n");
    add_file(etc, "hosts", hosts.view());
    add_file(etc, "hostname", host_name.view());
    add_symlink(etc, "mtab", "/proc/self/mounts");
    add_symlink(etc, "resolv.conf", "/proc/net/pnp");
}

void mount_in(RamDirectory& root, std::string_view name, std::string_view path, Filesystem& filesystem) {
    if (RamDirectory* covered = add_directory(root, name, 0555)) {
        (void)mount(filesystem, RefPtr<Inode>(covered), path, filesystem.name());
    }
}

void fill_root(RamDirectory& root) {
    if (RamDirectory* dev = add_directory(root, "dev")) dev->fill_later(fill_devices);
    if (RamDirectory* etc = add_directory(root, "etc")) etc->fill_later(fill_settings);
    mount_in(root, "proc", "/proc", proc_filesystem);
    mount_in(root, "sys", "/sys", sys_filesystem);
    add_directory(root, "tmp", 01777);
    add_directory(root, "root", 0700);
    for (std::string_view name : {"home", "mnt", "opt", "run", "srv"}) add_directory(root, name);
    if (RamDirectory* var = add_directory(root, "var")) {
        var->fill_later([](RamDirectory& directory) {
            add_directory(directory, "tmp", 01777);
            for (std::string_view name : {"cache", "lib", "log"}) add_directory(directory, name);
            add_symlink(directory, "run", "/run");
        });
    }
    if (RamDirectory* usr = add_directory(root, "usr")) {
        usr->fill_later([](RamDirectory& directory) {
            for (std::string_view name : {"bin", "lib", "local", "share"}) add_directory(directory, name);
        });
    }
}

Result<RefPtr<Inode>> find_or_make(Inode& directory, std::string_view name) {
    auto found = lookup_in(directory, name);
    if (found.ok() || found.error() != Errno::enoent) return found;
    Guard guard(directory.filesystem().structure());
    return directory.create(name, {.type = FileType::directory, .permissions = 0755, .target = {}});
}

}  // namespace

Result<> build_layout() {
    register_memory_devices();
    register_device(FileType::character, tty_device, open_terminal);
    register_device(FileType::character, console_device, open_terminal);
    HUSK_TRY(mount(root_filesystem, {}, "/", "rootfs"));
    static_cast<RamDirectory&>(*root_inode()).fill_later(fill_root);
    return {};
}

Result<RefPtr<Inode>> make_directories(std::string_view path) {
    RefPtr<Inode> at = root_inode();
    while (!path.empty()) {
        std::size_t end = path.find('/');
        std::string_view name = path.substr(0, end);
        path.remove_prefix(end == std::string_view::npos ? path.size() : end + 1);
        if (name.empty() || name == ".") continue;
        if (name == "..") {
            at = HUSK_TRY(parent_of(*at));
            continue;
        }
        at = HUSK_TRY(find_or_make(*at, name));
        if (!at->is_directory()) return Errno::enotdir;
    }
    return at;
}

}  // namespace husk::fs
