// SPDX-License-Identifier: Apache-2.0
// A read-only tree described by constant tables, whose files are written when they are opened: /proc and /sys.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "guest-runtime/fs/filesystem.hpp"

namespace husk::fs {

struct GeneratedNode;

// Entries of a directory that come and go: a prefix and a number ("cpu3", "17"), or letters that count ("vda").
struct GeneratedMembers {
    std::string_view prefix;
    const GeneratedNode* node;
    // The lowest number that exists and is not below `number`.
    std::optional<std::uint64_t> (*next)(std::uint64_t number);
    bool in_letters = false;
};

// `id` is the number of the member that the node belongs to or lies below, 0 without one.
struct GeneratedNode {
    std::string_view name;
    FileType type = FileType::regular;
    std::uint32_t permissions = 0444;
    void (*write_text)(Text& to, std::uint64_t id) = nullptr;              // contents of a file, target of a symlink
    Result<RefPtr<Inode>> (*object)(std::uint64_t id) = nullptr;           // symlinks that lead to an object
    std::span<const GeneratedNode> children = {};                          // of a directory
    const GeneratedMembers* members = nullptr;                             // more of them
    Result<> (*store)(std::string_view text, std::uint64_t id) = nullptr;  // takes what is written to the file
};

constexpr GeneratedNode generated_file(std::string_view name, void (*write_text)(Text&, std::uint64_t)) {
    return {.name = name, .write_text = write_text};
}
constexpr GeneratedNode generated_directory(std::string_view name, std::span<const GeneratedNode> children,
                                            const GeneratedMembers* members = nullptr) {
    return {.name = name, .type = FileType::directory, .permissions = 0555, .children = children, .members = members};
}

// For files that programs write to without an effect here.
inline Result<> store_nothing(std::string_view, std::uint64_t) { return {}; }

class GeneratedFilesystem final : public Filesystem {
public:
    constexpr GeneratedFilesystem(std::uint64_t device, std::string_view name, std::uint64_t magic,
                                  const GeneratedNode& tree)
        : Filesystem(device, name), magic_(magic), tree_(&tree) {}

    Result<RefPtr<Inode>> root() override;
    FilesystemCounts counts() override { return {.magic = magic_}; }

private:
    std::uint64_t magic_;
    const GeneratedNode* tree_;
    Inode* root_ = nullptr;  // owns a reference, for the life of the VM
};

}  // namespace husk::fs
