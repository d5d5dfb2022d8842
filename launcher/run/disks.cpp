// SPDX-License-Identifier: Apache-2.0
#include "launcher/run/disks.hpp"

#include <utility>

#include "launcher/backend/disk_file.hpp"
#include "launcher/host/error.hpp"

namespace husk::run {

std::string disk_name(std::size_t index) {
    constexpr std::size_t letters = 26;
    std::string suffix;
    for (std::size_t left = index + 1; left != 0; left = (left - 1) / letters)
        suffix.insert(suffix.begin(), static_cast<char>('a' + (left - 1) % letters));
    return "vd" + suffix;
}

std::unique_ptr<devices::BlockDevice> make_disk(const config::DiskConfig& config, const std::string& name,
                                                event::SpinFacts& spin_facts) {
    if (config.overlay || config.is_directory || config.bytes_per_second != 0 || config.operations_per_second != 0)
        throw host::Error(host::ExitCode::usage, "overlay, bps, iops and --dir do not work yet");
    auto file = std::make_unique<backend::DiskFile>(
        backend::DiskFile::open(config.file, {.read_only = config.read_only, .cache = config.cache}));
    devices::BlockFacts facts;
    facts.size_bytes = file->size_bytes();
    facts.block_bytes = file->block_bytes();
    facts.read_only = config.read_only;
    facts.serial = config.serial.empty() ? "husk-" + name : config.serial;
    return std::make_unique<devices::BlockDevice>(facts, std::move(file), spin_facts);
}

}  // namespace husk::run
