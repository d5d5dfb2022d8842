// SPDX-License-Identifier: Apache-2.0
// A small image with bytes changed: each input is a list of changes, four bytes each (where, and what to put there), of
// an image that mke2fs and we made at the start. Everything in it is then looked at and changed, without checksums in
// the way.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "guest-runtime/fs/ext4/ext4.hpp"
#include "guest-runtime/fs/page_cache.hpp"
#include "guest-runtime/memory/frames.hpp"
#include "tests/support/guest_fakes/machine.hpp"
#include "tests/support/guest_fakes/memory_block_device.hpp"

namespace {

using namespace husk;

constexpr std::size_t changed_bytes = 320 << 10;  // where the metadata is

// 4 MiB with a journal of 1 MiB, a directory with an index, a file with a tree of extents, links, attributes.
std::vector<std::byte> make_image() {
    std::string folder = (std::filesystem::temp_directory_path() / "husk-ext4-fuzz-XXXXXX").string();
    if (::mkdtemp(folder.data()) == nullptr) std::abort();
    std::string tree = folder + "/tree", image = folder + "/image";
    std::filesystem::create_directories(tree + "/d");
    for (int i = 0; i < 60; ++i) std::ofstream(tree + "/d/" + std::string(40, 'n') + std::to_string(i)) << i;
    std::filesystem::create_symlink(std::string(100, 'l'), tree + "/slow");
    std::filesystem::create_symlink("d", tree + "/fast");
    {
        std::ofstream sparse(tree + "/sparse");
        for (int i = 0; i < 20; ++i) {
            sparse.seekp(i * 20'000);
            sparse << i;
        }
    }
    std::string command =
        "PATH=$PATH:/usr/sbin:/sbin; mke2fs -q -F -t ext4 -b 1024 -N 96 -J size=1 -O ^metadata_csum -d " + tree + " " +
        image + " 4M && e2fsck -fyD " + image + " > " + folder + "/said; debugfs -w -R 'ea_set /sparse user.a " +
        std::string(300, 'v') + "' " + image + " 2> " + folder + "/said";
    if (std::system(command.c_str()) != 0) std::abort();
    std::ifstream file(image, std::ios::binary);
    std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
    std::filesystem::remove_all(folder);
    std::vector<std::byte> result(bytes.size());
    std::memcpy(result.data(), bytes.data(), bytes.size());
    return result;
}

struct Names final : fs::DirectoryVisitor {
    bool visit(std::string_view name, std::uint64_t, fs::FileType, std::uint64_t) override {
        names.emplace_back(name);
        return names.size() < 40;
    }
    std::vector<std::string> names;
};

void use_file(fs::Inode& inode) {
    (void)inode.seek_data(0, true);
    for (std::uint64_t page : {0u, 3u, 90u}) {
        auto frame = inode.page_for_read(page);
        if (frame.ok() && frame.value().value != 0) memory::release_frames(frame.value(), 0);
    }
    Guard guard(inode.contents());
    (void)inode.allocate(5000, 30'000, true);
    (void)inode.punch_hole(2000, 50'000);
    (void)inode.resize(1'000);
}

void use_name(fs::Inode& directory, const std::string& name, std::vector<RefPtr<fs::Inode>>& directories) {
    auto found = directory.lookup(name);
    if (!found.ok()) return;
    fs::Inode& inode = *found.value();
    (void)inode.attributes();
    (void)inode.extended_attribute_names();
    (void)inode.set_extended_attribute("user.b", "value", 0);
    (void)inode.target();
    if (inode.is_directory()) directories.push_back(found.value());
    if (inode.is_regular()) use_file(inode);
    (void)directory.rename(name, directory, name + "-moved", fs::RenameMode::replace);
    (void)directory.unlink(name);
}

void use_all(fs::ext4::Ext4& filesystem) {
    auto root = filesystem.root();
    if (!root.ok()) return;
    std::vector<RefPtr<fs::Inode>> directories = {root.value()};
    for (std::size_t i = 0; i < directories.size() && i < 6; ++i) {
        RefPtr<fs::Inode> directory = directories[i];
        Guard guard(filesystem.structure());
        Names names;
        (void)directory->list(0, names);
        (void)directory->create("new", {.permissions = 0644, .target = {}});
        (void)directory->create("sub", {.type = fs::FileType::directory, .permissions = 0755, .target = {}});
        for (const std::string& name : names.names) use_name(*directory, name, directories);
        (void)directory->remove_directory("sub");
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const std::vector<std::byte> pristine = make_image();
    std::vector<std::byte> bytes = pristine;
    for (std::size_t at = 0; at + 4 <= size && at < 400; at += 4) {
        std::size_t where = data[at] | std::size_t{data[at + 1]} << 8 | (data[at + 2] & std::size_t{7}) << 16;
        bytes[where % changed_bytes] = static_cast<std::byte>(data[at + 3]);
    }
    test::MemoryBlockDevice device(std::move(bytes));
    auto found = fs::ext4::read_superblock(device);
    if (!found.ok()) return 0;
    auto cache = block::BufferCache::create(device, found.value().block_bytes, 4096);
    if (!cache.ok()) return 0;
    auto filesystem = std::make_unique<fs::ext4::Ext4>(1, device, found.value(), std::move(cache).value());
    if (filesystem->open(false).ok()) use_all(*filesystem);
    filesystem->volume().give_up(Errno::eio, "the end of the input");
    (void)filesystem->unmount();
    test::run_object_threads();
    return 0;
}
