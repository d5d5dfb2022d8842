// SPDX-License-Identifier: Apache-2.0
#include "launcher/kvm/cpu_model.hpp"

#include <algorithm>

#include "launcher/kvm/host_cpu.hpp"

namespace husk::kvm {

namespace {

constexpr std::uint32_t leaf_features = 1;
constexpr std::uint32_t leaf_extended_features = 7;
constexpr std::uint32_t leaf_xsave = 0xd;
constexpr std::uint32_t leaf_amd_features = 0x8000'0001;
constexpr std::uint32_t feature_giant_pages = 1u << 26;  // leaf 0x80000001 edx: PDPE1GB
constexpr std::uint32_t feature_osxsave = 1u << 27;      // leaf 1 ecx: mirrors CR4.OSXSAVE
constexpr std::uint32_t feature_ospke = 1u << 4;         // leaf 7 ecx: mirrors CR4.PKE
constexpr std::uint32_t apic_id_mask = 0xff00'0000;      // leaf 1 ebx

constexpr std::uint32_t legacy_xsave_bytes = 576;  // x87, SSE and the XSAVE header [sdm1 13.4]

std::uint64_t supported_xcr0(const CpuidTable& table) {
    for (const kvm_cpuid_entry2& entry : std::span(table.entries).first(table.count))
        if (entry.function == leaf_xsave && entry.index == 0) return entry.eax | std::uint64_t{entry.edx} << 32;
    return 3;
}

}  // namespace

bool CpuModel::has_giant_pages() const {
    return std::ranges::any_of(guest_cpuid(), [](const abi::CpuidEntry& entry) {
        return entry.leaf == leaf_amd_features && (entry.edx & feature_giant_pages) != 0;
    });
}

void restrict_to_xcr0(CpuidTable& table, std::uint64_t xcr0) {
    for (kvm_cpuid_entry2& entry : std::span(table.entries).first(table.count)) {
        if (entry.function != leaf_xsave || entry.index != 0) continue;
        entry.eax &= static_cast<std::uint32_t>(xcr0);
        entry.edx &= static_cast<std::uint32_t>(xcr0 >> 32);
    }
}

std::uint32_t xsave_size_bytes(std::span<const abi::CpuidEntry> entries, std::uint64_t xcr0) {
    std::uint32_t size = legacy_xsave_bytes;
    for (const abi::CpuidEntry& entry : entries)
        if (entry.leaf == leaf_xsave && entry.subleaf >= 2 && entry.subleaf < 63 && (xcr0 >> entry.subleaf & 1) != 0)
            size = std::max(size, entry.ebx + entry.eax);
    return size;
}

void describe_virtual_cpu(CpuModel& model) {
    model.guest_count = 0;
    for (const kvm_cpuid_entry2& from : std::span(model.for_kvm.entries).first(model.for_kvm.count)) {
        abi::CpuidEntry& to = model.guest_entries[model.guest_count++];
        to = {from.function, from.index, from.flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX, from.eax, from.ebx,
              from.ecx,      from.edx};
        if (to.leaf == leaf_features) {
            to.ebx &= ~apic_id_mask;
            to.ecx |= feature_osxsave;
        }
        if (to.leaf == leaf_extended_features && to.subleaf == 0) to.ecx &= ~feature_ospke;
    }
    model.xsave_size_bytes = xsave_size_bytes(model.guest_cpuid(), model.xcr0);
    for (abi::CpuidEntry& entry : std::span(model.guest_entries).first(model.guest_count))
        if (entry.leaf == leaf_xsave && entry.subleaf == 0) entry.ebx = model.xsave_size_bytes;
}

CpuModel probe_cpu_model(const System& system) {
    CpuModel model;
    model.kind = probe_kind();
    model.for_kvm = system.supported_cpuid();
    if (model.kind == Kind::pvm) {
        model.xcr0 = host_xcr0() & xcr0_allowed;
        model.guest_count = read_host_cpuid(model.guest_entries);
        model.xsave_size_bytes = xsave_size_bytes(model.guest_cpuid(), model.xcr0);
        return model;
    }
    model.xcr0 = supported_xcr0(model.for_kvm) & xcr0_allowed;
    restrict_to_xcr0(model.for_kvm, model.xcr0);
    describe_virtual_cpu(model);
    return model;
}

}  // namespace husk::kvm
