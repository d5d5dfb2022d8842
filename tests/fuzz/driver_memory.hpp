// SPDX-License-Identifier: Apache-2.0
// The memory that a driver of the guest's has asked for, by address: what a device is told to touch must lie in it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tests/fuzz/hostile_device.hpp"

namespace husk::fuzz {

// Ends the fuzzer's run with a finding.
void demand(bool holds);

std::uintptr_t address_of(const void* pointer);
bool is_allocated(std::uintptr_t begin, std::size_t size_bytes);

// What the driver did not give back is its own for as long as a VM lives.
void free_driver_memory();

// The panic of a driver.
struct Panic {};

// Whose registers the driver reaches.
extern HostileDevice* attached_device;

}  // namespace husk::fuzz
