// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/boot/boot_info_reader.hpp"

#include <algorithm>

#include <husk/abi/guest_address.hpp>
#include <husk/abi/version.hpp>

namespace husk::boot {

namespace {

bool lies_within(std::uint64_t offset, std::uint64_t size_bytes, std::uint64_t limit) {
    return offset <= limit && size_bytes <= limit - offset;
}

// The text of a list whose strings and count agree.
Result<std::string_view> read_strings(std::span<const std::byte> record, const abi::StringList& list) {
    if (!lies_within(list.offset, list.size_bytes, record.size())) return Errno::einval;
    // SAFETY: bytes within `record`, which outlives the view; char may alias anything.
    std::string_view text(reinterpret_cast<const char*>(record.data()) + list.offset, list.size_bytes);
    if (!text.empty() && text.back() != '\0') return Errno::einval;
    if (std::count(text.begin(), text.end(), '\0') != static_cast<std::ptrdiff_t>(list.count)) return Errno::einval;
    return text;
}

bool is_range(const abi::PhysRange& range) {
    return range.begin <= range.end && range.begin % abi::page_size == 0 && range.end % abi::page_size == 0;
}

}  // namespace

Result<BootView> read_boot_info(std::span<const std::byte> memory) {
    if (memory.size() < sizeof(abi::BootInfo)) return Errno::einval;
    // SAFETY: the size was checked, launchers align the record to a page and it holds integers only.
    const auto* info = reinterpret_cast<const abi::BootInfo*>(memory.data());
    if (info->magic != abi::boot_info_magic) return Errno::einval;
    if (info->abi_number != abi::abi_number) return Errno::eprotonosupport;
    if (info->size_bytes < sizeof(abi::BootInfo) || info->size_bytes > memory.size()) return Errno::einval;
    std::span<const std::byte> record = memory.first(info->size_bytes);

    if (info->free_range_count > std::size(info->free_ranges)) return Errno::einval;
    if (!std::all_of(info->free_ranges, info->free_ranges + info->free_range_count, is_range)) return Errno::einval;
    if (!is_range(info->table_pool) || info->vcpu_count == 0 || info->tsc_hz == 0) return Errno::einval;

    std::uint64_t cpuid_bytes = std::uint64_t{info->cpuid_count} * sizeof(abi::CpuidEntry);
    if (!lies_within(info->cpuid_offset, cpuid_bytes, record.size()) || info->cpuid_offset % 4 != 0)
        return Errno::einval;
    // SAFETY: bounds and alignment were checked.
    std::span cpuid(reinterpret_cast<const abi::CpuidEntry*>(record.data() + info->cpuid_offset), info->cpuid_count);

    std::uint64_t device_bytes = std::uint64_t{info->device_count} * sizeof(abi::DeviceRecord);
    if (info->device_count > abi::max_devices || info->devices_offset % alignof(abi::DeviceRecord) != 0 ||
        !lies_within(info->devices_offset, device_bytes, record.size()))
        return Errno::einval;
    // SAFETY: bounds and alignment were checked.
    std::span devices(reinterpret_cast<const abi::DeviceRecord*>(record.data() + info->devices_offset),
                      info->device_count);

    BootView view{info, cpuid, devices, {}, {}, {}, {}};
    view.arguments = HUSK_TRY(read_strings(record, info->arguments));
    view.environment = HUSK_TRY(read_strings(record, info->environment));
    view.settings = HUSK_TRY(read_strings(record, info->settings));
    std::string_view directory = HUSK_TRY(read_strings(record, info->working_directory));
    if (info->working_directory.count != 1 || directory.front() != '/') return Errno::einval;
    view.working_directory = directory.substr(0, directory.size() - 1);
    return view;
}

abi::CpuidEntry feature_leaf(std::span<const abi::CpuidEntry> cpuid) {
    auto found = std::find_if(cpuid.begin(), cpuid.end(), [](const abi::CpuidEntry& entry) { return entry.leaf == 1; });
    return found == cpuid.end() ? abi::CpuidEntry{} : *found;
}

}  // namespace husk::boot
