// SPDX-License-Identifier: Apache-2.0
// Bytes as a whole journal: its superblock, and what recovery does with the log behind it.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <vector>

#include "guest-runtime/base/crc32c.hpp"
#include "guest-runtime/fs/journal/recovery.hpp"

namespace {

using namespace husk;

constexpr std::uint32_t block_bytes = 1024;

class MemoryLog final : public journal::RecoveryStorage {
public:
    explicit MemoryLog(std::span<const std::byte> bytes) : bytes_(bytes) {}

    Result<> read_log(std::uint32_t index, std::span<std::byte> to) override {
        // A pass reads each block once; a log that leads in circles shows here.
        if (++reads_ > 3 * bytes_.size() / block_bytes + 3 * 64) std::abort();
        std::memcpy(to.data(), bytes_.data() + std::size_t{index} * block_bytes, block_bytes);
        return {};
    }
    Result<> write_home(std::uint64_t block, std::span<const std::byte> from) override {
        if (from.size() != block_bytes) std::abort();
        return block < 4096 ? Result<>() : Result<>(Errno::eio);
    }

private:
    std::span<const std::byte> bytes_;
    std::size_t reads_ = 0;
};

// Random bytes never have the right checksum, and the superblock has nothing to fuzz behind it.
void seal_superblock(std::span<std::byte> block) {
    auto super = journal::load<journal::format::Superblock>(block);
    super.checksum = 0;
    super.checksum = crc32c_of(crc32c_start, super);
    journal::store(block, super);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::vector<std::byte> bytes(size / block_bytes * block_bytes);
    if (bytes.empty()) return 0;
    std::memcpy(bytes.data(), data, bytes.size());
    std::span first = std::span(bytes).first(block_bytes);
    if ((data[0x50] & 0x80) == 0) seal_superblock(first);
    std::string_view why;
    auto log = journal::parse_superblock(first, static_cast<std::uint32_t>(bytes.size() / block_bytes), why);
    if (!log.ok()) {
        if (why.empty()) std::abort();
        return 0;
    }
    if (log.value().start == 0) return 0;
    MemoryLog storage(bytes);
    (void)journal::recover_log(log.value(), storage);
    return 0;
}
