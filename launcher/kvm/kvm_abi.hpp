// SPDX-License-Identifier: Apache-2.0
// KVM's variable-length structs and their ioctl numbers, as the kernel lays them out.
//
// In C++ the kernel header puts an empty struct of size 1 in front of each flexible array: the arrays are mislaid and
// the ioctl numbers computed from sizeof are wrong [kvm-api 4.46, 4.17].
#pragma once

#include <linux/kvm.h>

#include <array>
#include <cstddef>
#include <cstdint>

namespace husk::kvm {

inline constexpr std::size_t cpuid_capacity = 256;
inline constexpr std::size_t msr_capacity = 8;

struct CpuidTable {
    std::uint32_t count = 0;
    std::uint32_t padding = 0;
    std::array<kvm_cpuid_entry2, cpuid_capacity> entries;
};
static_assert(offsetof(CpuidTable, entries) == 8 && sizeof(kvm_cpuid_entry2) == 40);

struct MsrTable {
    std::uint32_t count = 0;
    std::uint32_t padding = 0;
    std::array<kvm_msr_entry, msr_capacity> entries;
};
static_assert(offsetof(MsrTable, entries) == 8 && sizeof(kvm_msr_entry) == 16);

// The size in each number is that of the header alone.
namespace request {
inline constexpr unsigned long get_supported_cpuid = _IOC(_IOC_READ | _IOC_WRITE, KVMIO, 0x05, 8);
inline constexpr unsigned long get_msrs = _IOC(_IOC_READ | _IOC_WRITE, KVMIO, 0x88, 8);
inline constexpr unsigned long set_msrs = _IOC(_IOC_WRITE, KVMIO, 0x89, 8);
inline constexpr unsigned long set_cpuid2 = _IOC(_IOC_WRITE, KVMIO, 0x90, 8);
}  // namespace request

}  // namespace husk::kvm
