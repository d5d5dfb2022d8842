// SPDX-License-Identifier: Apache-2.0
#include "launcher/qemu/disk_words.hpp"

#include <utility>

#include "launcher/config/disk_option.hpp"
#include "launcher/config/text.hpp"
#include "launcher/host/error.hpp"
#include "launcher/qemu/transports.hpp"

namespace husk::qemu {

namespace {

using config::fill_in;

// In a list of options a comma stands for itself when it is doubled.
std::string escape(std::string_view value) {
    std::string escaped;
    for (const char character : value) {
        escaped += character;
        if (character == ',') escaped += ',';
    }
    return escaped;
}

std::string_view cache_name(config::DiskCache cache) {
    switch (cache) {
        case config::DiskCache::writeback:
            return "writeback";
        case config::DiskCache::none:
            return "none";
        case config::DiskCache::unsafe:
            return "unsafe";
    }
    return "writeback";
}

std::string drive_options(const config::DiskConfig& disk, const std::string& name) {
    std::string options =
        fill_in("if=none,id={},format=raw,file={},cache={}", name, escape(disk.file.native()), cache_name(disk.cache));
    options += ",discard=unmap";
    if (disk.read_only) options += ",readonly=on";
    if (disk.bytes_per_second != 0) options += fill_in(",throttling.bps-total={}", disk.bytes_per_second);
    if (disk.operations_per_second != 0) options += fill_in(",throttling.iops-total={}", disk.operations_per_second);
    return options;
}

}  // namespace

std::vector<std::string> disk_words(std::span<const config::DiskConfig> disks, std::uint32_t vcpus) {
    if (disks.empty()) return {};
    if (disks.size() > transports)
        throw host::Error(host::ExitCode::usage,
                          fill_in("QEMU's microvm has room for {} disks, and these are {}", transports, disks.size()));
    std::vector<std::string> words{"-global", "virtio-mmio.force-legacy=false"};
    for (std::size_t i = 0; i < disks.size(); ++i) {
        const config::DiskConfig& disk = disks[i];
        const std::string name = config::disk_name(i);
        const std::string serial = disk.serial.empty() ? "husk-" + name : disk.serial;
        std::string device =
            fill_in("virtio-blk-device,drive={},serial={},bus={}", name, escape(serial), transport_bus(i));
        if (const std::uint32_t queues = config::queues_of(disk, vcpus); queues != 1)
            device += fill_in(",num-queues={}", queues);
        words.insert(words.end(), {"-drive", drive_options(disk, name), "-device", std::move(device)});
    }
    return words;
}

}  // namespace husk::qemu
