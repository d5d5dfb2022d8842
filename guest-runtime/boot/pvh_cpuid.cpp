// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/boot/pvh_cpuid.hpp"

#include <algorithm>

#include "guest-runtime/arch/cpu.hpp"

namespace husk::boot::pvh {

namespace {

// Number of subleaves whose answers differ, or 0 where the subleaf does not matter.
std::uint32_t subleaf_count(std::uint32_t leaf) {
    switch (leaf) {
        case 0x4:
        case 0x8000'001d:
            return 8;
        case 0x7:
        case 0xb:
        case 0x14:
        case 0x18:
            return 3;
        case 0xd:
            return 10;  // up to AVX-512 and PKRU
        case 0x1f:
            return 4;
        default:
            return 0;
    }
}

class Collector {
public:
    explicit Collector(std::span<abi::CpuidEntry> to) : to_(to) {}

    // One range of leaves, its first leaf telling the last one.
    void collect_range(std::uint32_t first, std::uint32_t last_wanted) {
        std::uint32_t last = std::min(std::max(arch::cpuid(first).eax, first), last_wanted);
        for (std::uint32_t leaf = first; leaf <= last; ++leaf) {
            std::uint32_t subleaves = subleaf_count(leaf);
            if (subleaves == 0) collect(leaf, 0, 0);
            for (std::uint32_t subleaf = 0; subleaf < subleaves; ++subleaf) collect(leaf, subleaf, 1);
        }
    }
    [[nodiscard]] std::size_t count() const { return count_; }

private:
    void collect(std::uint32_t leaf, std::uint32_t subleaf, std::uint32_t subleaf_matters) {
        if (count_ == to_.size()) return;
        arch::CpuidResult answer = arch::cpuid(leaf, subleaf);
        to_[count_++] = {leaf, subleaf, subleaf_matters, answer.eax, answer.ebx, answer.ecx, answer.edx};
    }

    std::span<abi::CpuidEntry> to_;
    std::size_t count_ = 0;
};

}  // namespace

std::size_t read_cpuid(std::span<abi::CpuidEntry> to) {
    Collector collector(to);
    collector.collect_range(0, 0x1f);
    collector.collect_range(0x8000'0000, 0x8000'0026);
    bool has_hypervisor = (arch::cpuid(1).ecx >> 31) != 0;
    if (has_hypervisor) collector.collect_range(0x4000'0000, 0x4000'0001);
    return collector.count();
}

}  // namespace husk::boot::pvh
