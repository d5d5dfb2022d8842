// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/guest/fs/ext4/mounted.hpp"

#include <doctest/doctest.h>

#include "guest-runtime/fs/io_buffer.hpp"
#include "guest-runtime/fs/regular_file.hpp"
#include "tests/support/guest_fakes/machine.hpp"

namespace husk::test {

void expect_ok(const Result<>& result) {
    REQUIRE_MESSAGE(result.ok(), "errno " << static_cast<int>(result.ok() ? Errno{} : result.error()));
}

Mounted::Mounted(const Image& image, bool read_only) : Mounted(image.path(), read_only) {}

Mounted::Mounted(const std::string& path, bool read_only) : device_(path) {
    auto opened = fs::ext4::open_ext4(device_, read_only);
    REQUIRE_MESSAGE(opened.ok(), "errno " << static_cast<int>(opened.ok() ? Errno{} : opened.error()));
    filesystem_ = static_cast<fs::ext4::Ext4*>(opened.value());
}

Mounted::~Mounted() {
    if (filesystem_ == nullptr) return;
    auto unmounted = filesystem_->unmount();
    CHECK((unmounted.ok() || device_.broken));
    run_object_threads();  // the journal's ends
    delete filesystem_;
}

void Mounted::crash() {
    device_.broken = true;
    auto synced = filesystem_->unmount();
    CHECK(!synced.ok());
    run_object_threads();
    delete filesystem_;
    filesystem_ = nullptr;
}

Result<RefPtr<fs::Inode>> Mounted::find(const std::string& path) {
    RefPtr<fs::Inode> inode = HUSK_TRY(filesystem_->root());
    for (std::size_t at = 1; at < path.size();) {
        std::size_t end = std::min(path.find('/', at), path.size());
        Guard guard(filesystem_->structure());
        inode = HUSK_TRY(inode->lookup(path.substr(at, end - at)));
        at = end + 1;
    }
    return inode;
}

RefPtr<fs::Inode> Mounted::expect(const std::string& path) {
    auto found = find(path);
    REQUIRE_MESSAGE(found.ok(), path << ": errno " << static_cast<int>(found.ok() ? Errno{} : found.error()));
    return std::move(found).value();
}

Result<Mounted::Split> Mounted::split(const std::string& path) {
    std::size_t slash = path.rfind('/');
    return Split{HUSK_TRY(find(slash == 0 ? "/" : path.substr(0, slash))), path.substr(slash + 1)};
}

Result<RefPtr<fs::Inode>> Mounted::create(const std::string& path, const fs::NewInode& wanted) {
    Split at = HUSK_TRY(split(path));
    Guard guard(filesystem_->structure());
    return at.directory->create(at.name, wanted);
}

Result<> Mounted::make_directory(const std::string& path) {
    HUSK_TRY(create(path, {.type = fs::FileType::directory, .permissions = 0755, .target = {}}));
    return {};
}

Result<> Mounted::symlink(const std::string& target, const std::string& path) {
    HUSK_TRY(create(path, {.type = fs::FileType::symlink, .permissions = 0777, .target = target}));
    return {};
}

Result<> Mounted::link(const std::string& target, const std::string& path) {
    RefPtr<fs::Inode> inode = HUSK_TRY(find(target));
    Split at = HUSK_TRY(split(path));
    Guard guard(filesystem_->structure());
    return at.directory->link(at.name, *inode);
}

Result<> Mounted::unlink(const std::string& path) {
    Split at = HUSK_TRY(split(path));
    Guard guard(filesystem_->structure());
    return at.directory->unlink(at.name);
}

Result<> Mounted::remove_directory(const std::string& path) {
    Split at = HUSK_TRY(split(path));
    Guard guard(filesystem_->structure());
    return at.directory->remove_directory(at.name);
}

Result<> Mounted::rename(const std::string& from, const std::string& to, fs::RenameMode mode) {
    Split source = HUSK_TRY(split(from));
    Split target = HUSK_TRY(split(to));
    Guard guard(filesystem_->structure());
    return source.directory->rename(source.name, *target.directory, target.name, mode);
}

Result<> Mounted::resize(const std::string& path, std::uint64_t size_bytes) {
    RefPtr<fs::Inode> inode = HUSK_TRY(find(path));
    return fs::resize_file(*inode, size_bytes);
}

Result<std::size_t> Mounted::write(fs::Inode& inode, std::uint64_t offset, const std::string& text) {
    RefPtr<fs::File> file = HUSK_TRY(inode.open(fs::open_flag::read_write));
    std::string copy = text;
    fs::IoBuffer buffer = fs::IoBuffer::of_runtime(std::as_writable_bytes(std::span(copy)));
    return file->write(buffer, offset);
}

Result<std::size_t> Mounted::write(const std::string& path, std::uint64_t offset, const std::string& text) {
    if (!find(path).ok()) HUSK_TRY(create(path, {.permissions = 0644, .target = {}}));
    RefPtr<fs::Inode> inode = HUSK_TRY(find(path));
    return write(*inode, offset, text);
}

std::string Mounted::read(fs::Inode& inode, std::uint64_t offset, std::size_t most) {
    auto file = inode.open(fs::open_flag::read_only);
    REQUIRE(file.ok());
    std::string text(std::min<std::uint64_t>(most, inode.size_bytes() - std::min(inode.size_bytes(), offset)), '\0');
    if (text.empty()) return text;
    fs::IoBuffer buffer = fs::IoBuffer::of_runtime(std::as_writable_bytes(std::span(text)));
    auto got = file.value()->read(buffer, offset);
    REQUIRE(got.ok());
    text.resize(got.value());
    return text;
}

namespace {

struct Collector final : fs::DirectoryVisitor {
    explicit Collector(std::size_t most) : left(most) {}
    bool visit(std::string_view name, std::uint64_t number, fs::FileType, std::uint64_t next) override {
        if (left == 0) return false;
        --left;
        entries.emplace(name, number);
        position = next;
        return true;
    }
    std::multimap<std::string, std::uint64_t> entries;
    std::uint64_t position = 0;
    std::size_t left;
};

}  // namespace

std::multimap<std::string, std::uint64_t> Mounted::list(const std::string& path, std::size_t entries_per_call) {
    RefPtr<fs::Inode> directory = expect(path);
    Collector collector(entries_per_call);
    for (std::size_t before = 0;; before = collector.entries.size()) {
        collector.left = entries_per_call;
        Guard guard(filesystem_->structure());
        expect_ok(directory->list(collector.position, collector));
        if (collector.entries.size() == before) return collector.entries;
    }
}

}  // namespace husk::test
