// SPDX-License-Identifier: Apache-2.0
// The guest's address space at its first instruction.
#pragma once

#include <span>

#include "launcher/boot/memory_plan.hpp"
#include "launcher/boot/page_table_builder.hpp"
#include "launcher/image/image.hpp"

namespace husk::boot {

// Maps the image where it is linked with the first pages of the break behind it, the first kernel stack, the top of the
// main stack, the physmap with the devices' register pages, and the supervisor map. false: the tables do not fit.
[[nodiscard]] bool map_address_space(PageTableBuilder& tables, const MemoryPlan& plan,
                                     std::span<const image::Segment> segments, abi::GuestVirt main_stack_end);

}  // namespace husk::boot
