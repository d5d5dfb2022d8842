// SPDX-License-Identifier: Apache-2.0
#include "launcher/boot/boot_info.hpp"

#include <cassert>
#include <cstring>

#include <husk/abi/guest_address.hpp>
#include <husk/abi/version.hpp>

namespace husk::boot {

namespace {

std::uint64_t bytes_of(std::span<const std::string> strings) {
    std::uint64_t bytes = 0;
    for (const std::string& string : strings) bytes += string.size() + 1;
    return bytes;
}

// Stores one thing behind the other.
class Writer {
public:
    explicit Writer(std::span<std::byte> to) : to_(to) {}

    std::uint32_t put(const void* data, std::size_t size_bytes) {
        const std::uint32_t offset = offset_;
        assert(size_bytes <= to_.size() - offset_);
        if (size_bytes != 0) std::memcpy(to_.data() + offset_, data, size_bytes);
        offset_ += static_cast<std::uint32_t>(size_bytes);
        return offset;
    }

    void align(std::uint32_t alignment) {
        offset_ = static_cast<std::uint32_t>(abi::align_up(offset_, alignment));
        assert(offset_ <= to_.size());
    }

    void put_string(std::string_view string, abi::StringList& list) {
        const std::uint32_t offset = put(string.data(), string.size());
        put("", 1);
        if (list.count++ == 0) list.offset = offset;
        list.size_bytes = offset_ - list.offset;
    }

private:
    std::span<std::byte> to_;
    std::uint32_t offset_ = 0;
};

}  // namespace

std::uint64_t boot_info_bytes(const BootBlobs& blobs) {
    return sizeof(abi::BootInfo) + blobs.cpuid.size_bytes() + blobs.program.size() + 1 + bytes_of(blobs.arguments) +
           bytes_of(blobs.environment) + blobs.working_directory.size() + 1 + bytes_of(blobs.settings) +
           alignof(abi::DeviceRecord) + blobs.devices.size_bytes();
}

void write_boot_info(abi::BootInfo info, const BootBlobs& blobs, std::span<std::byte> to) {
    Writer writer(to);
    writer.put(&info, sizeof info);  // room; stored again once it is complete
    info.magic = abi::boot_info_magic;
    info.abi_number = abi::abi_number;
    info.size_bytes = static_cast<std::uint32_t>(to.size());
    info.cpuid_offset = writer.put(blobs.cpuid.data(), blobs.cpuid.size_bytes());
    info.cpuid_count = static_cast<std::uint32_t>(blobs.cpuid.size());
    writer.align(alignof(abi::DeviceRecord));
    info.devices_offset = writer.put(blobs.devices.data(), blobs.devices.size_bytes());
    info.device_count = static_cast<std::uint32_t>(blobs.devices.size());
    info.arguments = info.environment = info.working_directory = info.settings = {};
    writer.put_string(blobs.program, info.arguments);
    for (const std::string& string : blobs.arguments) writer.put_string(string, info.arguments);
    for (const std::string& string : blobs.environment) writer.put_string(string, info.environment);
    for (const std::string& string : blobs.settings) writer.put_string(string, info.settings);
    writer.put_string(blobs.working_directory, info.working_directory);
    std::memcpy(to.data(), &info, sizeof info);
}

}  // namespace husk::boot
