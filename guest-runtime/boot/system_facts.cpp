// SPDX-License-Identifier: Apache-2.0
// What /proc and /sys tell about the machine and the process, from the boot info.
#include "guest-runtime/fs/system_facts.hpp"

#include "guest-runtime/arch/cpu.hpp"
#include "guest-runtime/boot/application_stack.hpp"
#include "guest-runtime/boot/boot_state.hpp"
#include "guest-runtime/syscall/system_name.hpp"

namespace husk::fs::facts {

std::string_view argument_block() { return boot::argument_block(); }
std::string_view environment_block() { return boot::environment_block(); }
std::string_view working_directory() { return boot::working_directory(); }
std::string_view image_path() { return boot::image_path(); }
std::span<const std::byte> auxiliary_vector() { return boot::auxiliary_vector(); }

CpuidAnswer cpuid(std::uint32_t leaf, std::uint32_t subleaf) {
    arch::CpuidResult answer = arch::cpuid(leaf, subleaf);
    return {answer.eax, answer.ebx, answer.ecx, answer.edx};
}

std::uint64_t tsc_hz() { return boot::boot_info().tsc_hz; }

SystemNames system_names() {
    const sys::SystemName& name = sys::system_name();
    return {name.system, name.node, name.release, name.version};
}

}  // namespace husk::fs::facts
