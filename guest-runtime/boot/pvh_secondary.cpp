// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/boot/pvh_secondary.hpp"

#include <atomic>

#include <husk/abi/memory_layout.hpp>

#include "guest-runtime/arch/per_cpu.hpp"
#include "guest-runtime/base/string.hpp"
#include "guest-runtime/boot/pvh_processor.hpp"
#include "guest-runtime/boot/pvh_start_info.hpp"
#include "guest-runtime/drivers/foreign_machine.hpp"

extern "C" {
extern const char husk_pvh_real_mode[], husk_pvh_real_mode_end[];
[[noreturn]] void husk_pvh_secondary_boot();
[[noreturn]] void husk_enter_ring3(const husk::abi::BootInfo* info, std::uint64_t rsp);
}

namespace husk::boot::pvh {

namespace {

constinit std::uint64_t root = 0, descriptors = 0, areas = 0, boot_info = 0;
// Which vCPU comes up next; one at a time.
constinit std::atomic<std::uint32_t> next_vcpu = 0;

}  // namespace

void note_secondaries(const MemoryPlan& plan, std::uint64_t page_table_root) {
    if (plan.vcpu_count == 1) return;
    root = page_table_root;
    descriptors = plan.descriptors.begin;
    areas = plan.vcpu_areas.begin;
    boot_info = plan.boot_info.begin;
    memcpy(pointer_to<void>(plan.low_page), husk_pvh_real_mode,
           static_cast<std::size_t>(husk_pvh_real_mode_end - husk_pvh_real_mode));
    foreign_machine::set_start_page(static_cast<std::uint8_t>(plan.low_page / abi::page_size),
                                    [](std::uint32_t index) { next_vcpu.store(index, std::memory_order_release); });
}

}  // namespace husk::boot::pvh

// In ring 0 on the boot's stack, with the first 4 GiB mapped where they are.
void husk_pvh_secondary_boot() {
    using namespace husk;
    using namespace husk::boot::pvh;
    std::uint32_t vcpu = next_vcpu.load(std::memory_order_acquire);
    std::uint64_t area = areas + vcpu * abi::vcpu_area::stride_bytes;
    enable_features();
    load_state({root, descriptors + vcpu * abi::page_size, area});
    arch::initialise_per_cpu(arch::per_cpu());
    foreign_machine::initialise_secondary(arch::per_cpu());
    // SAFETY: vCPU 0 has read the record where the physmap maps it.
    husk_enter_ring3(reinterpret_cast<const abi::BootInfo*>(abi::physmap({boot_info}).value),
                     abi::physmap({area + abi::vcpu_area::boot_stack_end}).value);
}
