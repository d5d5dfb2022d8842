// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/memory_devices.hpp"

#include <algorithm>

#include "guest-runtime/base/random.hpp"
#include "guest-runtime/fs/device_table.hpp"
#include "guest-runtime/fs/make_ref_as.hpp"

namespace husk::fs {

namespace {

class MemoryDevice : public File {
public:
    MemoryDevice(RefPtr<Inode> inode, std::uint32_t flags) : File(FileKind::device, std::move(inode), flags) {}

    Result<std::size_t> write(IoBuffer& from, std::optional<std::uint64_t>) override {
        std::size_t size = from.remaining();
        from.skip(size);
        return size;
    }
    [[nodiscard]] bool is_seekable() const override { return true; }
    Result<std::uint64_t> seek(std::int64_t, int) override { return std::uint64_t{0}; }
};

class NullDevice final : public MemoryDevice {
public:
    using MemoryDevice::MemoryDevice;
    Result<std::size_t> read(IoBuffer&, std::optional<std::uint64_t>) override { return 0; }
};

class ZeroDevice : public MemoryDevice {
public:
    using MemoryDevice::MemoryDevice;
    Result<std::size_t> read(IoBuffer& to, std::optional<std::uint64_t>) override {
        std::size_t size = to.remaining();
        HUSK_TRY(to.put_zeros(size));
        return size;
    }
};

class FullDevice final : public ZeroDevice {
public:
    using ZeroDevice::ZeroDevice;
    Result<std::size_t> write(IoBuffer&, std::optional<std::uint64_t>) override { return Errno::enospc; }
};

class RandomDevice final : public MemoryDevice {
public:
    using MemoryDevice::MemoryDevice;
    Result<std::size_t> read(IoBuffer& to, std::optional<std::uint64_t>) override {
        std::byte bytes[256];
        std::size_t done = 0;
        while (to.remaining() != 0) {
            std::size_t piece = std::min(to.remaining(), sizeof bytes);
            fill_random(std::span(bytes, piece));
            if (auto copied = to.put(bytes, piece); !copied.ok()) {
                return done != 0 ? Result<std::size_t>(done) : copied.error();
            }
            done += piece;
        }
        return done;
    }
};

template <class Device>
Result<RefPtr<File>> open(RefPtr<Inode> inode, std::uint32_t flags) {
    return make_ref_as<File, Device>(std::move(inode), flags);
}

}  // namespace

void register_memory_devices() {
    constexpr std::uint32_t memory_major = 1;
    register_device(FileType::character, make_device(memory_major, 3), open<NullDevice>);
    register_device(FileType::character, make_device(memory_major, 5), open<ZeroDevice>);
    register_device(FileType::character, make_device(memory_major, 7), open<FullDevice>);
    register_device(FileType::character, make_device(memory_major, 8), open<RandomDevice>);
    register_device(FileType::character, make_device(memory_major, 9), open<RandomDevice>);
}

}  // namespace husk::fs
