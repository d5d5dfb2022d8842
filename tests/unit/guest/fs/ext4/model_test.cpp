// SPDX-License-Identifier: Apache-2.0
// Random operations against a model in memory, over remounts and losses of power.
#include <algorithm>
#include <random>
#include <set>

#include <doctest/doctest.h>

#include "tests/unit/guest/fs/ext4/mounted.hpp"

using namespace husk;
using namespace husk::test;

namespace {

// Files by path with their contents, directories by path.
struct Model {
    std::map<std::string, std::string> files;
    std::set<std::string> directories = {""};

    [[nodiscard]] bool has(const std::string& path) const { return files.count(path) + directories.count(path) != 0; }
    [[nodiscard]] bool is_empty(const std::string& directory) const {
        std::string prefix = directory + "/";
        auto below = [&](const std::string& path) { return path.starts_with(prefix); };
        for (const auto& [path, contents] : files) {
            if (below(path)) return false;
        }
        for (const std::string& path : directories) {
            if (below(path)) return false;
        }
        return true;
    }
};

class Player {
public:
    Player(unsigned seed, std::uint32_t most_bytes) : random_(seed), most_bytes_(most_bytes) {}
    Model model;

    void step(Mounted& mounted) {
        switch (below(10)) {
            case 0:
                return make_directory(mounted);
            case 1:
                return remove(mounted);
            case 2:
                return rename(mounted);
            case 3:
                return resize(mounted);
            case 4:
                return punch(mounted);
            case 5:
                return allocate(mounted);
            case 6:
                return sync(mounted);
            default:
                return write(mounted);
        }
    }

    void compare(Mounted& mounted) {
        for (const auto& file : model.files) {
            const std::string &path = file.first, &contents = file.second, got = mounted.read(path);
            auto differs = std::mismatch(got.begin(), got.end(), contents.begin(), contents.end());
            CHECK_MESSAGE(got == contents, path << " is wrong from byte " << differs.first - got.begin()
                                                << " on, sizes " << got.size() << " and " << contents.size());
        }
        for (const std::string& path : model.directories) {
            std::size_t wanted = 2;
            for (const auto& [file, contents] : model.files) wanted += parent_of(file) == path ? 1 : 0;
            for (const std::string& other : model.directories) {
                wanted += !other.empty() && parent_of(other) == path ? 1 : 0;
            }
            if (path.empty()) ++wanted;  // lost+found
            CHECK_MESSAGE(mounted.list(path.empty() ? "/" : path, 5).size() == wanted, path);
        }
    }

private:
    static std::string parent_of(const std::string& path) { return path.substr(0, path.rfind('/')); }
    std::uint32_t below(std::uint32_t limit) { return static_cast<std::uint32_t>(random_() % limit); }
    template <class Container>
    std::string any_of(const Container& container) {
        auto at = container.begin();
        std::advance(at, below(static_cast<std::uint32_t>(container.size())));
        if constexpr (requires { at->first; }) {
            return at->first;
        } else {
            return *at;
        }
    }
    std::string new_path() {
        std::string name(1 + below(below(4) == 0 ? 200 : 12), static_cast<char>('a' + below(26)));
        return any_of(model.directories) + "/" + name + std::to_string(below(50));
    }
    std::string text(std::size_t bytes) { return std::string(bytes, static_cast<char>('A' + below(26))); }

    void write(Mounted& mounted) {
        std::string path = below(2) == 0 || model.files.empty() ? new_path() : any_of(model.files);
        if (model.directories.count(path) != 0) return;
        std::string& contents = model.files[path];
        std::size_t offset = below(3) == 0 ? below(most_bytes_) : contents.size();
        std::string piece = text(1 + below(20'000));
        REQUIRE(mounted.write(path, offset, piece).value() == piece.size());
        if (contents.size() < offset + piece.size()) contents.resize(offset + piece.size());
        contents.replace(offset, piece.size(), piece);
    }
    void make_directory(Mounted& mounted) {
        std::string path = new_path();
        if (model.has(path)) {
            CHECK(mounted.make_directory(path).error() == Errno::eexist);
            return;
        }
        expect_ok(mounted.make_directory(path));
        model.directories.insert(path);
    }
    void remove(Mounted& mounted) {
        if (below(3) == 0) {
            std::string path = any_of(model.directories);
            if (path.empty()) return;
            auto removed = mounted.remove_directory(path);
            REQUIRE(removed.ok() == model.is_empty(path));
            if (removed.ok()) model.directories.erase(path);
        } else if (!model.files.empty()) {
            std::string path = any_of(model.files);
            expect_ok(mounted.unlink(path));
            model.files.erase(path);
        }
    }
    void rename(Mounted& mounted) {
        if (model.files.empty()) return;
        std::string from = any_of(model.files);
        std::string to = below(3) == 0 ? any_of(model.files) : new_path();
        if (model.directories.count(to) != 0) return;
        expect_ok(mounted.rename(from, to));
        if (from == to) return;
        model.files[to] = model.files[from];
        model.files.erase(from);
    }
    void resize(Mounted& mounted) {
        if (model.files.empty()) return;
        std::string path = any_of(model.files);
        std::size_t size = below(most_bytes_);
        expect_ok(mounted.resize(path, size));
        model.files[path].resize(size);
    }
    void punch(Mounted& mounted) {
        if (model.files.empty()) return;
        std::string path = any_of(model.files);
        std::string& contents = model.files[path];
        std::size_t offset = below(most_bytes_);
        std::size_t size = 1 + below(30'000);
        RefPtr<fs::Inode> inode = mounted.expect(path);
        Guard guard(inode->contents());
        expect_ok(inode->punch_hole(offset, size));
        for (std::size_t i = offset; i < std::min(contents.size(), offset + size); ++i) contents[i] = '\0';
    }
    void allocate(Mounted& mounted) {
        if (model.files.empty()) return;
        std::string path = any_of(model.files);
        std::size_t offset = below(most_bytes_);
        std::size_t size = 1 + below(30'000);
        bool keep_size = below(2) == 0;
        RefPtr<fs::Inode> inode = mounted.expect(path);
        Guard guard(inode->contents());
        expect_ok(inode->allocate(offset, size, keep_size));
        std::string& contents = model.files[path];
        if (!keep_size && contents.size() < offset + size) contents.resize(offset + size);
    }
    void sync(Mounted& mounted) {
        if (model.files.empty() || below(4) == 0) {
            expect_ok(mounted.filesystem().sync());
        } else {
            expect_ok(mounted.expect(any_of(model.files))->sync(below(2) == 0));
        }
    }

    std::mt19937 random_;
    std::uint32_t most_bytes_;
};

}  // namespace

TEST_CASE("random operations give what a model gives, after each remount too") {
    for (unsigned seed = 1; seed <= 3; ++seed) {
        Image image("48M", seed == 1 ? "-b 4096" : seed == 2 ? "-b 1024" : "-b 2048");
        Player player(seed, 120'000);
        for (int round = 0; round < 4; ++round) {
            {
                Mounted mounted(image);
                player.compare(mounted);
                for (int i = 0; i < 150; ++i) player.step(mounted);
                player.compare(mounted);
            }
            image.check();
        }
    }
}

TEST_CASE("after a loss of power everything up to the last sync is there, whoever replays the journal") {
    for (unsigned seed = 10; seed < 16; ++seed) {
        Image image("48M", seed % 2 == 0 ? "-b 4096" : "-b 1024");
        bool goes_on = seed % 2 == 1;  // with changes that are not synced: then only e2fsck can tell
        Player player(seed, 120'000);
        {
            Mounted mounted(image);
            for (int i = 0; i < 120; ++i) player.step(mounted);
            expect_ok(mounted.filesystem().sync());
            for (int i = 0; i < (goes_on ? 40 : 0); ++i) player.step(mounted);
            mounted.crash();
        }
        if (seed % 3 == 0) {
            auto mended = run_command("e2fsck -fp " + image.path());
            CHECK_MESSAGE(mended.status <= 1, mended.output);
        } else {
            Mounted replayed(image);
        }
        image.check();
        Mounted again(image);
        if (!goes_on) player.compare(again);
    }
}
