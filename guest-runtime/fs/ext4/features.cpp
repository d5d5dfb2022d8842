// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/ext4/features.hpp"

#include <array>
#include <bit>

#include "guest-runtime/fs/ext4/superblock.hpp"

namespace husk::fs::ext4 {

namespace {

using Names = std::array<std::string_view, 32>;

constexpr Names name_incompatible() {
    Names names = {};
    names[0] = "compression";
    names[1] = "filetype";
    names[2] = "needs_recovery";
    names[3] = "journal_dev";
    names[4] = "meta_bg";
    names[6] = "extent";
    names[7] = "64bit";
    names[8] = "mmp";
    names[9] = "flex_bg";
    names[10] = "ea_inode";
    names[12] = "dirdata";
    names[13] = "metadata_csum_seed";
    names[14] = "large_dir";
    names[15] = "inline_data";
    names[16] = "encrypt";
    names[17] = "casefold";
    return names;
}

constexpr Names name_read_only() {
    Names names = {};
    names[0] = "sparse_super";
    names[1] = "large_file";
    names[3] = "huge_file";
    names[4] = "uninit_bg";
    names[5] = "dir_nlink";
    names[6] = "extra_isize";
    names[8] = "quota";
    names[9] = "bigalloc";
    names[10] = "metadata_csum";
    names[11] = "replica";
    names[12] = "read-only";
    names[13] = "project";
    names[14] = "shared_blocks";
    names[15] = "verity";
    names[16] = "orphan_present";
    return names;
}

std::string_view lowest_name(std::uint32_t unknown, const Names& names) {
    if (unknown == 0) return {};
    std::string_view name = names[static_cast<std::size_t>(std::countr_zero(unknown))];
    return name.empty() ? "a feature without a name" : name;
}

}  // namespace

std::string_view unknown_incompatible(std::uint32_t features) {
    using namespace incompatible;
    constexpr std::uint32_t known =
        filetype | recover | extents | is_64bit | flex_bg | checksum_seed | large_directories;
    static constexpr Names names = name_incompatible();
    return lowest_name(features & ~known, names);
}

std::string_view unknown_read_only(std::uint32_t features) {
    using namespace read_only_compatible;
    constexpr std::uint32_t known = sparse_super | large_file | huge_file | dir_nlink | extra_isize | metadata_csum;
    static constexpr Names names = name_read_only();
    return lowest_name(features & ~known, names);
}

}  // namespace husk::fs::ext4
