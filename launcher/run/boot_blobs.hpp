// SPDX-License-Identifier: Apache-2.0
// What stands behind the boot info: lists that come from configuration, CPU model and devices.
#pragma once

#include "launcher/boot/boot_info.hpp"
#include "launcher/config/launch_config.hpp"
#include "launcher/kvm/cpu_model.hpp"
#include "launcher/run/devices.hpp"

namespace husk::run {

// It refers to its arguments.
inline boot::BootBlobs blobs_of(const config::LaunchConfig& config, const kvm::CpuModel& cpu_model,
                                const Devices& devices) {
    return {cpu_model.guest_cpuid(),  config.image.native(), config.arguments, config.environment,
            config.working_directory, devices.settings(),    devices.records()};
}

}  // namespace husk::run
