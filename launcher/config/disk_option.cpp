// SPDX-License-Identifier: Apache-2.0
#include "launcher/config/disk_option.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <husk/abi/virtio/block.hpp>

#include "launcher/config/nearest_name.hpp"
#include "launcher/config/text.hpp"
#include "launcher/config/values.hpp"

namespace husk::config {

namespace {

constexpr std::string_view mount_form = "an absolute path in the guest such as /data";
constexpr std::string_view cache_form = "one of writeback, none, unsafe";

std::string must_be(std::string_view name, std::string_view value, std::string_view form) {
    return fill_in("{} is '{}', but it must be {}", name, value, form);
}

std::string set_read_only(std::string_view value, DiskConfig& disk) {
    if (!value.empty()) return "ro takes no value";
    disk.read_only = true;
    return {};
}

std::string set_serial(std::string_view value, DiskConfig& disk) {
    const bool is_printable =
        std::ranges::all_of(value, [](char character) { return character > ' ' && character < '\x7f'; });
    if (value.empty() || value.size() > abi::virtio::block_serial_bytes || !is_printable)
        return must_be("serial", value, "1 to 20 printable characters");
    disk.serial = value;
    return {};
}

std::string set_cache(std::string_view value, DiskConfig& disk) {
    using Name = std::pair<std::string_view, DiskCache>;
    static constexpr std::array names{Name{"writeback", DiskCache::writeback}, Name{"none", DiskCache::none},
                                      Name{"unsafe", DiskCache::unsafe}};
    const auto found = std::ranges::find(names, value, &Name::first);
    if (found == names.end()) return must_be("cache", value, cache_form);
    disk.cache = found->second;
    return {};
}

std::string set_overlay(std::string_view value, DiskConfig& disk) {
    if (value.empty()) return "overlay needs a file";
    disk.overlay = value;
    return {};
}

std::string set_record(std::string_view value, DiskConfig& disk) {
    if (value.empty()) return "record needs a file";
    disk.record = value;
    return {};
}

std::string set_queues(std::string_view value, DiskConfig& disk) {
    if (value == "auto") {
        disk.queues = 0;
        return {};
    }
    const auto parsed = parse_size(value);
    if (!parsed || *parsed == 0 || *parsed > disk_queues_max)
        return must_be("queues", value, fill_in("a number from 1 to {}, or auto", disk_queues_max));
    disk.queues = static_cast<std::uint32_t>(*parsed);
    return {};
}

std::string set_limit(std::string_view name, std::string_view value, std::uint64_t& limit) {
    const auto parsed = parse_size(value);
    if (!parsed || *parsed == 0) return must_be(name, value, "a number per second such as 500 or 20M");
    limit = *parsed;
    return {};
}

}  // namespace

std::string set_disk_option(std::string_view name, std::string_view value, DiskConfig& disk) {
    if (name == "ro") return set_read_only(value, disk);
    if (name == "serial") return set_serial(value, disk);
    if (name == "cache") return set_cache(value, disk);
    if (name == "overlay") return set_overlay(value, disk);
    if (name == "record") return set_record(value, disk);
    if (name == "queues") return set_queues(value, disk);
    if (name == "bps") return set_limit(name, value, disk.bytes_per_second);
    if (name == "iops") return set_limit(name, value, disk.operations_per_second);
    static constexpr std::array<std::string_view, 8> names{"ro",     "serial", "cache", "overlay",
                                                           "record", "queues", "bps",   "iops"};
    return fill_in("unknown option '{}'{}", name, suggest_name(name, names));
}

std::string set_mount_point(std::string_view path, DiskConfig& disk) {
    if (!is_absolute_directory(path) || path.size() == 1) return must_be("the mount point", path, mount_form);
    if (path.find(':') != std::string_view::npos) return must_be("the mount point", path, "a path without a colon");
    disk.mount_point = path;
    return {};
}

std::string parse_disk(std::string_view text, DiskConfig& disk) {
    std::string_view file = text;
    // The mount point is absolute, so it begins behind a colon with a slash: a file name may have other colons.
    if (const std::size_t colon = text.rfind(":/"); colon != std::string_view::npos) {
        file = text.substr(0, colon);
        std::string_view mount = text.substr(colon + 1);
        if (mount.find(',') != std::string_view::npos)
            return fill_in("'{}': options stand in front of the mount point", text);
        if (mount.ends_with(":ro")) {
            disk.read_only = true;
            mount.remove_suffix(3);
        }
        if (std::string wrong = set_mount_point(mount, disk); !wrong.empty()) return wrong;
    }
    const std::size_t name_end = std::min(file.find(','), file.size());
    disk.file = file.substr(0, name_end);
    if (disk.file.empty()) return fill_in("'{}' names no file; it must be {}", text, disk_form);
    std::string_view options = file.substr(name_end);
    while (!options.empty()) {
        options.remove_prefix(1);
        const std::string_view option = options.substr(0, options.find(','));
        options.remove_prefix(option.size());
        const std::size_t equals = std::min(option.find('='), option.size());
        const std::string_view value = option.substr(std::min(equals + 1, option.size()));
        if (std::string wrong = set_disk_option(option.substr(0, equals), value, disk); !wrong.empty()) return wrong;
    }
    return {};
}

std::string parse_directory_disk(std::string_view text, DiskConfig& disk) {
    const std::size_t colon = text.rfind(":/");
    if (colon == std::string_view::npos || colon == 0) return fill_in("'{}' must be {}", text, directory_disk_form);
    disk.file = text.substr(0, colon);
    disk.is_directory = true;
    disk.read_only = true;
    return set_mount_point(text.substr(colon + 1), disk);
}

std::uint32_t queues_of(const DiskConfig& disk, std::uint32_t vcpus) {
    return disk.queues != 0 ? disk.queues : std::min(vcpus, disk_queues_max);
}

std::string disk_name(std::size_t index) {
    constexpr std::size_t letters = 26;
    std::string suffix;
    for (std::size_t left = index + 1; left != 0; left = (left - 1) / letters)
        suffix.insert(suffix.begin(), static_cast<char>('a' + (left - 1) % letters));
    return "vd" + suffix;
}

std::vector<std::string> mount_settings(std::span<const DiskConfig> disks) {
    std::vector<std::string> settings;
    for (std::size_t i = 0; i < disks.size(); ++i) {
        if (disks[i].mount_point.empty()) continue;
        settings.push_back(
            fill_in("mount={}:{}{}", disk_name(i), disks[i].mount_point, disks[i].read_only ? ":ro" : ""));
    }
    return settings;
}

std::string check_disks(std::span<const DiskConfig> disks) {
    for (std::size_t i = 0; i < disks.size(); ++i) {
        const DiskConfig& disk = disks[i];
        if (disk.overlay && disk.read_only)
            return fill_in("{}: an overlay takes writes, and ro allows none", disk.file.native());
        for (const DiskConfig& other : disks.first(i)) {
            if (!disk.mount_point.empty() && disk.mount_point == other.mount_point)
                return fill_in("two disks are mounted at {}", disk.mount_point);
        }
    }
    return {};
}

}  // namespace husk::config
