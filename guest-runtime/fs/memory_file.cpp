// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/memory_file.hpp"

#include <atomic>

#include "guest-runtime/fs/ram_file.hpp"

namespace husk::fs {

namespace {

constinit RamFilesystem memory_files(make_device(0, 2), "tmpfs");

class SealableFile final : public RamFile {
public:
    SealableFile(Text name, std::uint32_t seals) : RamFile(memory_files, 0777), name_(std::move(name)), seals_(seals) {}

    Result<std::uint32_t> seals() override { return seals_.load(std::memory_order_acquire); }
    Result<> add_seals(std::uint32_t wanted) override {
        if ((wanted & ~seal::all) != 0) return Errno::einval;
        Guard guard(contents());
        std::uint32_t held = seals_.load(std::memory_order_relaxed);
        if ((held & seal::seal) != 0) return Errno::eperm;
        seals_.store(held | wanted, std::memory_order_release);
        return {};
    }

    Result<std::uint64_t> prepare_write(std::uint64_t, std::uint64_t end) override {
        if (has(seal::write) || has(seal::future_write)) return Errno::eperm;
        return has(seal::grow) && end > size_bytes() ? Result<std::uint64_t>(Errno::eperm) : end;
    }
    Result<> resize(std::uint64_t size) override {
        if (has(seal::shrink) && size < size_bytes()) return Errno::eperm;
        if (has(seal::grow) && size > size_bytes()) return Errno::eperm;
        return RamFile::resize(size);
    }
    Result<> allocate(std::uint64_t offset, std::uint64_t size, bool keep_size) override {
        if (has(seal::grow) && offset + size > size_bytes()) return Errno::eperm;
        return RamFile::allocate(offset, size, keep_size);
    }
    Result<> punch_hole(std::uint64_t offset, std::uint64_t size) override {
        if (has(seal::write) || has(seal::future_write)) return Errno::eperm;
        return RamFile::punch_hole(offset, size);
    }
    Result<Text> description() override {
        Text text;
        text.text("/memfd:").text(name_.view()).text(" (deleted)");
        HUSK_TRY(text.check());
        return text;
    }

private:
    [[nodiscard]] bool has(std::uint32_t wanted) const {
        return (seals_.load(std::memory_order_acquire) & wanted) != 0;
    }

    Text name_;
    std::atomic<std::uint32_t> seals_;
};

}  // namespace

Result<RefPtr<File>> make_memory_file(std::string_view name, bool may_be_sealed) {
    Text copy = HUSK_TRY(Text::copy_of(name));
    auto inode = HUSK_TRY(make_ref<SealableFile>(std::move(copy), may_be_sealed ? 0 : seal::seal));
    return inode->open(open_flag::read_write | open_flag::large_file);
}

Result<> add_seals(File& file, std::uint32_t seals) {
    if (!file.is_writable()) return Errno::eperm;
    return file.inode().add_seals(seals);
}

Result<long> seals_of(File& file) {
    std::uint32_t seals = HUSK_TRY(file.inode().seals());
    return static_cast<long>(seals);
}

}  // namespace husk::fs
