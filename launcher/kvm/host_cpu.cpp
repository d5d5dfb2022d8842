// SPDX-License-Identifier: Apache-2.0
#include "launcher/kvm/host_cpu.hpp"

#include <cpuid.h>
#include <immintrin.h>
#include <sys/platform/x86.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "launcher/kvm/fingerprint.hpp"

namespace husk::kvm {

namespace {

constexpr std::uint32_t feature_vmx = 1u << 5;  // leaf 1 ecx
constexpr std::uint32_t feature_svm = 1u << 2;  // leaf 0x80000001 ecx

bool module_is_loaded(const char* folder) { return ::access(folder, F_OK) == 0; }

bool pvm_is_loaded() { return module_is_loaded("/sys/module/kvm_pvm"); }

// What glibc read at start-up: asking again would trap.
struct FeatureLeaf {
    std::uint32_t eax, ebx, ecx, edx;
};
FeatureLeaf feature_leaf(unsigned index) {
    const cpuid_feature* leaf = __x86_get_cpuid_feature_leaf(index);
    return {leaf->cpuid_array[0], leaf->cpuid_array[1], leaf->cpuid_array[2], leaf->cpuid_array[3]};
}

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

class Reader {
public:
    explicit Reader(std::span<abi::CpuidEntry> to) : to_(to) {}

    // One range of leaves, its first leaf telling the last one.
    void read_range(std::uint32_t first, std::uint32_t last_wanted) {
        std::uint32_t last = 0, ebx = 0, ecx = 0, edx = 0;
        __cpuid_count(first, 0, last, ebx, ecx, edx);
        if (last < first) last = first;
        for (std::uint32_t leaf = first; leaf <= std::min(last, last_wanted); ++leaf) read_leaf(leaf);
    }
    [[nodiscard]] std::uint32_t count() const { return count_; }

private:
    void read_leaf(std::uint32_t leaf) {
        const std::uint32_t subleaves = subleaf_count(leaf);
        if (subleaves == 0) return read(leaf, 0, 0);
        for (std::uint32_t subleaf = 0; subleaf < subleaves; ++subleaf) read(leaf, subleaf, 1);
    }

    void read(std::uint32_t leaf, std::uint32_t subleaf, std::uint32_t subleaf_matters) {
        if (count_ == to_.size()) return;
        abi::CpuidEntry entry{leaf, subleaf, subleaf_matters, 0, 0, 0, 0};
        __cpuid_count(leaf, subleaf, entry.eax, entry.ebx, entry.ecx, entry.edx);
        if (leaf == 1) entry.ebx &= 0x00ff'ffff;                   // initial APIC id
        if (leaf == 0xb || leaf == 0x1f) entry.edx = 0;            // x2APIC id
        if (leaf == 0x8000'001e) entry.eax = entry.ebx &= ~0xffu;  // extended APIC id, core id
        to_[count_++] = entry;
    }

    std::span<abi::CpuidEntry> to_;
    std::uint32_t count_ = 0;
};

[[gnu::target("xsave")]] std::uint64_t read_xcr0() { return _xgetbv(0); }

}  // namespace

Kind probe_kind() {
    const bool hardware = (feature_leaf(CPUID_INDEX_1).ecx & feature_vmx) != 0 ||
                          (feature_leaf(CPUID_INDEX_80000001).ecx & feature_svm) != 0;
    const bool hardware_module = module_is_loaded("/sys/module/kvm_intel") || module_is_loaded("/sys/module/kvm_amd");
    return hardware && (hardware_module || !pvm_is_loaded()) ? Kind::hw : Kind::pvm;
}

std::uint64_t host_xcr0() { return read_xcr0(); }

std::uint32_t read_host_cpuid(std::span<abi::CpuidEntry> to) {
    Reader reader(to);
    reader.read_range(0, 0x1f);
    reader.read_range(0x8000'0000, 0x8000'0026);
    if ((feature_leaf(CPUID_INDEX_1).ecx & 1u << 31) != 0) reader.read_range(0x4000'0000, 0x4000'0001);
    return reader.count();
}

std::uint64_t host_fingerprint() {
    struct utsname kernel {};
    ::uname(&kernel);
    Fingerprint fingerprint;
    fingerprint.add(kernel.release, std::strlen(kernel.release));
    fingerprint.add(kernel.version, std::strlen(kernel.version));
    for (const unsigned index : {CPUID_INDEX_1, CPUID_INDEX_7, CPUID_INDEX_80000001, CPUID_INDEX_D_ECX_1,
                                 CPUID_INDEX_80000007, CPUID_INDEX_80000008, CPUID_INDEX_7_ECX_1}) {
        FeatureLeaf leaf = feature_leaf(index);
        if (index == CPUID_INDEX_1) leaf.ebx = 0;  // names the CPU that runs this
        fingerprint.add(&leaf, sizeof leaf);
    }
    const bool pvm = pvm_is_loaded();
    fingerprint.add(&pvm, sizeof pvm);
    return fingerprint.value();
}

}  // namespace husk::kvm
