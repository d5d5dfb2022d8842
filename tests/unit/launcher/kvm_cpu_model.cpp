// SPDX-License-Identifier: Apache-2.0
#include "launcher/kvm/cpu_model.hpp"

#include <doctest/doctest.h>

using namespace husk;

namespace {

kvm::CpuModel model_of(std::initializer_list<kvm_cpuid_entry2> entries, std::uint64_t xcr0) {
    kvm::CpuModel model;
    model.xcr0 = xcr0;
    for (const kvm_cpuid_entry2& entry : entries) model.for_kvm.entries[model.for_kvm.count++] = entry;
    return model;
}

constexpr std::uint32_t indexed = KVM_CPUID_FLAG_SIGNIFCANT_INDEX;

}  // namespace

TEST_CASE("the guest's table shows what the guest will see once it runs") {
    auto model = model_of({{1, 0, 0, 0xa, 0x0700'1234, 0, 0xd, {}},
                           {7, 0, indexed, 0, 0, 1u << 4 | 1u << 3, 0, {}},
                           {0xd, 0, indexed, 0xff, 576, 2696, 0, {}},
                           {0xd, 2, indexed, 256, 576, 0, 0, {}},
                           {0xd, 5, indexed, 64, 832, 0, 0, {}},
                           {0xd, 9, indexed, 8, 2688, 0, 0, {}}},
                          0x27);
    kvm::describe_virtual_cpu(model);
    const auto entries = model.guest_cpuid();
    REQUIRE(entries.size() == 6);
    CHECK(entries[0].ebx == 0x0000'1234);  // no APIC id
    CHECK(entries[0].ecx == 1u << 27);     // OSXSAVE
    CHECK(entries[0].subleaf_matters == 0);
    CHECK(entries[1].ecx == 1u << 3);  // not OSPKE
    CHECK(entries[1].subleaf_matters != 0);
    CHECK(model.xsave_size_bytes == 896);  // without component 9
    CHECK(entries[2].ebx == 896);
}

TEST_CASE("the state that XSAVE may use is cut to what guests get") {
    auto model = model_of({{0xd, 0, indexed, 0x602e7, 0, 0, 1, {}}, {0xd, 1, indexed, 0xf, 0, 0, 0, {}}}, 0);
    kvm::restrict_to_xcr0(model.for_kvm, 0xe7);
    CHECK(model.for_kvm.entries[0].eax == 0xe7);
    CHECK(model.for_kvm.entries[0].edx == 0);
    CHECK(model.for_kvm.entries[1].eax == 0xf);
}

TEST_CASE("without extended components XSAVE's area is the legacy one") { CHECK(kvm::xsave_size_bytes({}, 3) == 576); }

TEST_CASE("giant pages are known by their feature bit") {
    auto model = model_of({{0x8000'0001, 0, 0, 0, 0, 0, 1u << 26, {}}}, 3);
    CHECK_FALSE(model.has_giant_pages());
    kvm::describe_virtual_cpu(model);
    CHECK(model.has_giant_pages());
}
