// SPDX-License-Identifier: Apache-2.0
#include "launcher/boot/boot_info.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <husk/abi/version.hpp>
#include <vector>

using namespace husk;

namespace {

struct Record {
    explicit Record(const boot::BootBlobs& blobs) : bytes(boot::boot_info_bytes(blobs)) {
        abi::BootInfo given{};
        given.tsc_hz = 42;
        boot::write_boot_info(given, blobs, bytes);
        std::memcpy(&info, bytes.data(), sizeof info);
    }
    std::string list(const abi::StringList& strings) const {
        const std::string all(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        return all.substr(strings.offset, strings.size_bytes);
    }
    std::vector<std::byte> bytes;
    abi::BootInfo info{};
};

}  // namespace

TEST_CASE("strings follow each other with their NULs, and counts and sizes agree") {
    const std::vector<std::string> arguments = {"-v", "", "last"};
    const std::vector<std::string> environment = {"A=1"};
    const std::vector<abi::CpuidEntry> cpuid = {{1, 2, 1, 3, 4, 5, 6}};
    const std::vector<std::string> settings = {"mount=vda:/data"};
    std::vector<abi::DeviceRecord> devices(1);
    devices[0].registers = abi::device_registers_base;
    const Record record({cpuid, "./app", arguments, environment, "/tmp", settings, devices});
    CHECK(record.info.magic == abi::boot_info_magic);
    CHECK(record.info.abi_number == abi::abi_number);
    CHECK(record.info.size_bytes == record.bytes.size());
    CHECK(record.info.tsc_hz == 42);
    CHECK(record.info.arguments.count == 4);
    CHECK(record.list(record.info.arguments) == std::string("./app\0-v\0\0last\0", 15));
    CHECK(record.list(record.info.environment) == std::string("A=1\0", 4));
    CHECK(record.info.environment.count == 1);
    CHECK(record.list(record.info.working_directory) == std::string("/tmp\0", 5));
    REQUIRE(record.info.cpuid_count == 1);
    abi::CpuidEntry entry;
    std::memcpy(&entry, record.bytes.data() + record.info.cpuid_offset, sizeof entry);
    CHECK(entry.edx == 6);
    CHECK(record.info.settings.count == 1);
    CHECK(record.list(record.info.settings) == std::string("mount=vda:/data\0", 16));
    REQUIRE(record.info.device_count == 1);
    CHECK(record.info.devices_offset % alignof(abi::DeviceRecord) == 0);
    abi::DeviceRecord device;
    std::memcpy(&device, record.bytes.data() + record.info.devices_offset, sizeof device);
    CHECK(device.registers == abi::device_registers_base);
}

TEST_CASE("without environment the list is empty and points nowhere") {
    const Record record({{}, "app", {}, {}, "/", {}, {}});
    CHECK(record.info.environment.count == 0);
    CHECK(record.info.environment.size_bytes == 0);
    CHECK(record.info.arguments.count == 1);
}
