// SPDX-License-Identifier: Apache-2.0
#include "launcher/kvm/registers.hpp"

#include <doctest/doctest.h>

#include <husk/abi/machine.hpp>

using namespace husk;

TEST_CASE("the first instruction runs in ring 3 with the contract's registers") {
    kvm::CpuState state{};
    state.page_table_root = {0x5000};
    state.rip = 0x401000;
    state.rsp = 0x9000;
    state.rdi = 0x7000;
    state.gs_base = 0x8000;
    const kvm_regs general = kvm::general_registers(state);
    CHECK(general.rip == 0x401000);
    CHECK(general.rdi == 0x7000);
    CHECK(general.rflags == abi::user_rflags);
    const kvm_sregs special = kvm::special_registers(state, true);
    CHECK(special.cs.selector == abi::selector::user_code);
    CHECK(special.cs.dpl == 3);
    CHECK(special.cs.l == 1);
    CHECK(special.cs.db == 0);
    CHECK(special.ss.selector == abi::selector::user_data);
    CHECK(special.gs.base == 0x8000);
    CHECK(special.fs.base == 0);
    CHECK(special.cr3 == 0x5000);
    CHECK(special.tr.type == 11);
    CHECK((special.apic_base & 1 << 8) != 0);
    CHECK((kvm::special_registers(state, false).apic_base & 1 << 8) == 0);
}
