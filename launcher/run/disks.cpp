// SPDX-License-Identifier: Apache-2.0
#include "launcher/run/disks.hpp"

#include <utility>

#include "launcher/backend/disk_file.hpp"
#include "launcher/backend/ext4_image.hpp"
#include "launcher/backend/overlay_file.hpp"
#include "launcher/backend/recording_storage.hpp"
#include "launcher/config/disk_option.hpp"

namespace husk::run {

namespace {

using backend::DiskFile;

DiskFile open_file(const config::DiskConfig& config) {
    if (config.is_directory) {
        backend::DirectoryImage image = backend::make_directory_image(config.file);
        return {std::move(image.fd), image.size_bytes, config::DiskCache::writeback};
    }
    const bool read_only = config.read_only || config.overlay.has_value();
    return DiskFile::open(config.file, {.read_only = read_only, .cache = config.cache});
}

}  // namespace

std::unique_ptr<devices::BlockDevice> make_disk(const config::DiskConfig& config, const std::string& name,
                                                std::uint32_t vcpus, event::SpinFacts& spin_facts) {
    DiskFile file = open_file(config);
    devices::BlockFacts facts;
    facts.size_bytes = file.size_bytes();
    facts.block_bytes = file.block_bytes();
    facts.read_only = config.read_only;
    facts.queue_count = config::queues_of(config, vcpus);
    facts.serial = config.serial.empty() ? "husk-" + name : config.serial;
    std::unique_ptr<backend::Storage> storage;
    if (config.overlay) {
        storage = std::make_unique<backend::OverlayFile>(std::move(file), *config.overlay, config.cache);
    } else {
        storage = std::make_unique<DiskFile>(std::move(file));
    }
    if (config.record) storage = std::make_unique<backend::RecordingStorage>(std::move(storage), *config.record);
    const devices::BlockRates rates{config.bytes_per_second, config.operations_per_second};
    return std::make_unique<devices::BlockDevice>(facts, rates, std::move(storage), spin_facts);
}

}  // namespace husk::run
