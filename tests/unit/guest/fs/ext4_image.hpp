// SPDX-License-Identifier: Apache-2.0
// An ext4 image that mke2fs made, with a file whose blocks a test may write as it likes, and e2fsprogs to look at it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "guest-runtime/fs/journal/journal.hpp"
#include "tests/support/guest_fakes/memory_block_device.hpp"

namespace husk::test {

struct Ext4Image {
    std::vector<std::byte> contents;
    std::uint32_t block_bytes = 0;
    std::vector<std::uint64_t> journal_blocks;  // in order
    std::vector<std::uint64_t> file_blocks;     // of /scratch
    bool has_checksums = false;
    bool is_wide = false;

    [[nodiscard]] journal::JournalMap journal_map() const;
    [[nodiscard]] journal::JournalSettings journal_settings() const { return {has_checksums, is_wide}; }
};

// `features` as in mke2fs -O; the journal has 1024 blocks. The same arguments give the same image.
const Ext4Image& make_ext4_image(std::uint32_t block_bytes, const std::string& features);

// Runs a program of e2fsprogs on the image; `{}` in the command stands for it. What it printed; the image may change.
struct ToolResult {
    int status;
    std::string output;
};
ToolResult run_on_image(std::vector<std::byte>& image, const std::string& command);
// The same command after it has written `files` (name, bytes) beside the image, where "@name" in the command finds
// them.
struct SideFile {
    std::string name;
    std::vector<std::byte> bytes;
};
ToolResult run_on_image(std::vector<std::byte>& image, const std::string& command, const std::vector<SideFile>& files);

// Sets INCOMPAT_RECOVER in the superblock, as ext4 does.
class Ext4Owner final : public journal::JournalOwner {
public:
    explicit Ext4Owner(block::BlockDevice& device) : device_(device) {}
    Result<> mark_for_recovery() override;
    void on_abort(Errno) override { ++aborts; }
    int aborts = 0;

private:
    block::BlockDevice& device_;
};

}  // namespace husk::test
