// SPDX-License-Identifier: Apache-2.0
#include "launcher/run/memory_slots.hpp"

#include <algorithm>
#include <mutex>

#include <husk/abi/guest_address.hpp>

namespace husk::run {

namespace {

constexpr std::uint64_t first_slot_min_bytes = 32ull << 20;
constexpr std::uint64_t headroom_bytes = 16ull << 20;  // heap and stacks of a small program

}  // namespace

MemorySlots::MemorySlots(kvm::Vm& vm, const memory::GuestMemory& memory, kvm::Kind kind, std::uint64_t used_end)
    : vm_(vm), memory_(memory) {
    const memory::Region& first = memory_.regions().front();
    const std::uint64_t wanted =
        abi::align_up(std::max(used_end + headroom_bytes, first_slot_min_bytes), abi::large_page_size);
    if (kind == kvm::Kind::pvm && wanted < first.bytes.size() && vm_.try_exit_on_emulation_failure()) {
        first_bytes_ = wanted;
        began_with_part_ = true;
        vm_.add_memory(first.begin, first.bytes.first(wanted));
        return;
    }
    for (const memory::Region& region : memory_.regions()) vm_.add_memory(region.begin, region.bytes);
}

bool MemorySlots::try_serve(const kvm::MmioAccess& access) {
    if (memory_.try_span({access.gpa}, access.data.size()).empty()) return false;
    // The second part of one access finds everything in place and still has to be served.
    grow();
    return access.is_write ? memory_.copy_out({access.gpa}, access.data) : memory_.copy_in({access.gpa}, access.data);
}

void MemorySlots::grow() {
    const std::lock_guard lock(mutex_);
    if (first_bytes_ == 0) return;
    const auto regions = memory_.regions();
    vm_.add_memory(regions.front().begin + first_bytes_, regions.front().bytes.subspan(first_bytes_));
    for (const memory::Region& region : regions.subspan(1)) vm_.add_memory(region.begin, region.bytes);
    first_bytes_ = 0;
}

bool MemorySlots::try_grow(bool& knows_all) {
    if (!began_with_part_ || knows_all) return false;
    grow();
    return knows_all = true;
}

}  // namespace husk::run
