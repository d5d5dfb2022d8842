// SPDX-License-Identifier: Apache-2.0
#include "launcher/backend/block_map.hpp"

#include <utility>

namespace husk::backend {

namespace {

constexpr std::uint64_t bits_per_byte = 8;
constexpr std::uint64_t blocks_per_page = BlockMap::page_bytes * bits_per_byte;

}  // namespace

std::uint64_t BlockMap::bytes_for(std::uint64_t blocks) {
    return (blocks + blocks_per_page - 1) / blocks_per_page * page_bytes;
}

BlockMap::BlockMap(std::uint64_t blocks) : bits_(bytes_for(blocks)), is_dirty_(bits_.size() / page_bytes) {}

bool BlockMap::contains(std::uint64_t block) const {
    return (bits_[block / bits_per_byte] >> (block % bits_per_byte) & std::byte{1}) != std::byte{0};
}

std::uint64_t BlockMap::run_length(std::uint64_t begin, std::uint64_t end) const {
    const bool is_there = contains(begin);
    const std::byte whole = is_there ? std::byte{0xff} : std::byte{0};
    std::uint64_t at = begin + 1;
    while (at < end) {
        if (at % bits_per_byte == 0 && bits_[at / bits_per_byte] == whole) {
            at += bits_per_byte;
        } else if (contains(at) == is_there) {
            ++at;
        } else {
            return at - begin;
        }
    }
    return end - begin;
}

void BlockMap::insert(std::uint64_t begin, std::uint64_t end) {
    for (std::uint64_t block = begin; block < end; ++block) {
        std::byte& byte = bits_[block / bits_per_byte];
        const std::byte with = byte | std::byte{1} << (block % bits_per_byte);
        if (with == byte) continue;
        byte = with;
        is_dirty_[block / blocks_per_page] = true;
        has_dirty_ = true;
    }
}

std::vector<std::size_t> BlockMap::take_dirty_pages() {
    std::vector<std::size_t> pages;
    if (!std::exchange(has_dirty_, false)) return pages;
    for (std::size_t page = 0; page < is_dirty_.size(); ++page) {
        if (is_dirty_[page]) pages.push_back(page);
        is_dirty_[page] = false;
    }
    return pages;
}

std::span<const std::byte> BlockMap::page(std::size_t page) const {
    return std::span(bits_).subspan(page * page_bytes, page_bytes);
}

}  // namespace husk::backend
