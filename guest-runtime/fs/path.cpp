// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/path.hpp"

#include "guest-runtime/fs/filesystem.hpp"
#include "guest-runtime/fs/mount_table.hpp"

namespace husk::fs {

namespace {

// A path being walked: the part still to come, which following a symlink replaces.
class Walk {
public:
    explicit Walk(std::string_view path) : rest_(path) {}

    [[nodiscard]] bool is_absolute() const { return rest_.starts_with('/'); }
    [[nodiscard]] bool only_slashes_left() const { return rest_.find_first_not_of('/') == std::string_view::npos; }
    void skip_slashes() { rest_.remove_prefix(std::min(rest_.find_first_not_of('/'), rest_.size())); }
    [[nodiscard]] bool at_end() const { return rest_.empty(); }
    std::string_view take_component() {
        std::string_view component = rest_.substr(0, rest_.find('/'));
        rest_.remove_prefix(component.size());
        return component;
    }
    // Goes on with a symlink's text, then with what was left.
    Result<> follow(Text target) {
        if (++links_ > max_links_followed) return Errno::eloop;
        if (target.size() == 0) return Errno::enoent;
        target.text(rest_);
        HUSK_TRY(target.check());
        storage_ = std::move(target);
        rest_ = storage_.view();
        return {};
    }
    Result<> count_jump() { return ++links_ > max_links_followed ? Result<>(Errno::eloop) : Result<>(); }

private:
    Text storage_;
    std::string_view rest_;
    unsigned links_ = 0;
};

}  // namespace

Result<> UserPath::copy_from(UserPtr<const char> path) {
    auto length = copy_in_string(short_, path.address());
    if (length.ok()) {
        view_ = {short_, length.value()};
        return {};
    }
    if (length.error() != Errno::enametoolong) return length.error();
    long_ = HUSK_TRY(HeapArray<char>::create(max_path_bytes));
    std::size_t long_length = HUSK_TRY(copy_in_string(long_.span(), path.address()));
    view_ = {long_.data(), long_length};
    return {};
}

Result<RefPtr<Inode>> lookup_in(Inode& directory, std::string_view name) {
    if (name.size() > max_name_bytes) return Errno::enametoolong;
    RefPtr<Inode> found;
    {
        Guard guard(directory.filesystem().structure());
        found = HUSK_TRY(directory.lookup(name));
    }
    if (found->is_mount_point()) return mounted_on(*found);
    return found;
}

Result<RefPtr<Inode>> parent_of(Inode& directory) {
    RefPtr<Inode> inode(&directory);
    if (is_mount_root(directory)) {
        inode = covered_by(directory);
        if (!inode) return RefPtr<Inode>(&directory);
    }
    Guard guard(inode->filesystem().structure());
    RefPtr<Inode> parent = inode->parent();
    if (!parent) return Errno::enoent;
    return parent;
}

bool is_same_inode(Inode& a, Inode& b) {
    if (&a == &b) return true;
    return &a.filesystem() == &b.filesystem() && a.type() == b.type() && a.attributes().number == b.attributes().number;
}

Result<Resolution> resolve(RefPtr<Inode> start, std::string_view path, LastLink last) {
    if (path.empty()) return Errno::enoent;
    Walk walk(path);
    Resolution at;
    at.inode = walk.is_absolute() ? root_inode() : std::move(start);
    for (;;) {
        // Here at.inode is where the walk stands.
        std::size_t had_slash = walk.is_absolute();
        walk.skip_slashes();
        if (walk.at_end()) {
            if (had_slash) at.must_be_directory = true;
            break;
        }
        if (!at.inode) return Errno::enoent;
        if (!at.inode->is_directory()) return Errno::enotdir;
        std::string_view component = walk.take_component();
        if (component.size() > max_name_bytes) return Errno::enametoolong;
        if (component == "." || component == "..") {
            if (component == "..") at.inode = HUSK_TRY(parent_of(*at.inode));
            at.directory = {};
            at.name = {};
            continue;
        }
        if (last == LastLink::create && !walk.at_end() && walk.only_slashes_left()) return Errno::eisdir;
        at.directory = std::move(at.inode);
        at.name = HUSK_TRY(Text::copy_of(component));
        auto found = lookup_in(*at.directory, component);
        if (!found.ok() && found.error() != Errno::enoent) return found.error();
        at.inode = found.ok() ? std::move(found).value() : RefPtr<Inode>();
        if (!at.inode || at.inode->type() != FileType::symlink) continue;
        // A symlink: followed unless it is the last component and is to be kept. A slash behind it makes it follow.
        if (last == LastLink::name && walk.only_slashes_left()) {
            at.must_be_directory = !walk.at_end();
            return at;
        }
        if (last == LastLink::keep && walk.at_end()) break;
        if (RefPtr<Inode> object = HUSK_TRY(at.inode->jump())) {
            HUSK_TRY(walk.count_jump());
            at.inode = std::move(object);
            at.directory = {};
            at.name = {};
            continue;
        }
        Text target = HUSK_TRY(at.inode->target());
        HUSK_TRY(walk.follow(std::move(target)));
        at.inode = walk.is_absolute() ? root_inode() : std::move(at.directory);
        at.directory = {};
        at.name = {};
    }
    if (last != LastLink::name && at.must_be_directory && at.inode && !at.inode->is_directory()) return Errno::enotdir;
    return at;
}

Result<RefPtr<Inode>> find_inode(RefPtr<Inode> start, std::string_view path, LastLink last) {
    Resolution at = HUSK_TRY(resolve(std::move(start), path, last));
    if (!at.inode) return Errno::enoent;
    return std::move(at.inode);
}

namespace {

struct NameFinder final : DirectoryVisitor {
    explicit NameFinder(std::uint64_t wanted) : number(wanted) {}
    bool visit(std::string_view entry, std::uint64_t entry_number, FileType, std::uint64_t) override {
        if (entry_number != number || entry == "." || entry == "..") return true;
        name.text(entry);
        return false;
    }
    std::uint64_t number;
    Text name;
};

}  // namespace

Result<Text> path_of_directory(Inode& directory) {
    Text path;
    RefPtr<Inode> inode(&directory);
    for (;;) {
        if (is_mount_root(*inode)) {
            RefPtr<Inode> covered = covered_by(*inode);
            if (!covered) break;
            inode = std::move(covered);
        }
        RefPtr<Inode> parent = HUSK_TRY(parent_of(*inode));
        NameFinder finder(inode->attributes().number);
        {
            Guard guard(parent->filesystem().structure());
            HUSK_TRY(parent->list(0, finder));
        }
        HUSK_TRY(finder.name.check());
        if (finder.name.size() == 0) return Errno::enoent;
        path.prepend(finder.name.view()).prepend("/");
        inode = std::move(parent);
    }
    if (path.size() == 0) path.text("/");
    HUSK_TRY(path.check());
    return path;
}

}  // namespace husk::fs
