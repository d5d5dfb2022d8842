// SPDX-License-Identifier: Apache-2.0
// std::filesystem and fstream over the file system at /tmp.
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <vector>

#include "tests/guest/check.hpp"

using namespace guest_test;
namespace fs = std::filesystem;

namespace {

std::string content(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    check(file.good());
    return {std::istreambuf_iterator<char>(file), {}};
}

void write(const fs::path& path, const std::string& text) {
    std::ofstream file(path, std::ios::binary);
    file << text;
    check(file.good());
}

void trees(const fs::path& root) {
    check(fs::create_directories(root / "a/b/c"));
    check(!fs::create_directory(root / "a"));
    for (int i = 0; i < 40; ++i) write(root / "a/b" / ("file" + std::to_string(i)), std::to_string(i));
    std::vector<std::string> names;
    for (const auto& entry : fs::recursive_directory_iterator(root)) names.push_back(entry.path().filename());
    check_equal(names.size(), 43u);
    std::sort(names.begin(), names.end());
    check_equal(names.front(), "a");
    check_equal(names.back(), "file9");
    check_equal(fs::remove_all(root / "a"), 43u);
    check(fs::is_empty(root));
}

void files(const fs::path& root) {
    const fs::path file = root / "file";
    write(file, std::string(100000, 'x') + "end");
    check_equal(fs::file_size(file), 100003u);
    check(fs::is_regular_file(file));
    check_equal(content(file).substr(99999), "xend");

    fs::resize_file(file, 5);
    check_equal(content(file), "xxxxx");
    fs::resize_file(file, 7);
    check_equal(content(file), std::string("xxxxx\0\0", 7));

    fs::copy_file(file, root / "copy");
    fs::rename(root / "copy", root / "renamed");
    check(!fs::exists(root / "copy") && fs::equivalent(root / "renamed", root / "." / "renamed"));
    fs::create_hard_link(file, root / "hard");
    check_equal(fs::hard_link_count(file), 2u);
    fs::create_symlink("file", root / "soft");
    check(fs::is_symlink(root / "soft") && fs::read_symlink(root / "soft") == "file");
    check_equal(fs::canonical(root / "soft"), fs::canonical(file));

    fs::permissions(file, fs::perms::owner_read);
    check(fs::status(file).permissions() == fs::perms::owner_read);
    fs::permissions(file, fs::perms::owner_all);

    const auto when = fs::file_time_type::clock::now() - std::chrono::hours(1);
    fs::last_write_time(file, when);
    check(fs::last_write_time(file) - when < std::chrono::milliseconds(10));
    check(fs::remove(root / "soft") && fs::exists(file));
}

void streams(const fs::path& root) {
    const fs::path file = root / "stream";
    {
        std::fstream stream(file, std::ios::in | std::ios::out | std::ios::trunc);
        for (int i = 0; i < 10000; ++i) stream << i << '\n';
        stream.seekg(0);
        long sum = 0;
        for (int value; stream >> value;) sum += value;
        check_equal(sum, 9999L * 10000 / 2);
    }
    std::ofstream(file, std::ios::app) << "more\n";
    check(content(file).ends_with("9999\nmore\n"));
    std::ifstream missing(root / "missing");
    check(!missing);
}

void errors(const fs::path& root) {
    std::error_code error;
    fs::remove(root / "nothing", error);
    check(!error);
    (void)fs::file_size(root / "nothing", error);
    check(error == std::errc::no_such_file_or_directory);
    fs::create_directory(root / "no" / "parent", error);
    check(error == std::errc::no_such_file_or_directory);
    fs::create_directory(root / "full");
    write(root / "full/file", "");
    fs::remove(root / "full", error);
    check(error == std::errc::directory_not_empty);
    (void)fs::directory_iterator(root / "full/file", error);
    check(error == std::errc::not_a_directory);
    check(fs::space(root).capacity > 0);
}

}  // namespace

int main() {
    std::string pattern = "/tmp/filesystem-XXXXXX";
    check(mkdtemp(pattern.data()) != nullptr);
    const fs::path root = pattern;
    trees(root);
    passed("trees");
    files(root);
    passed("files");
    streams(root);
    passed("streams");
    errors(root);
    passed("errors");
    const fs::path before = fs::current_path();
    fs::current_path(root);
    check_equal(fs::current_path(), fs::canonical(root));
    check(fs::exists("file"));
    fs::current_path(before);
    passed("current_path");
    fs::remove_all(root);
    check(!fs::exists(root));
}
