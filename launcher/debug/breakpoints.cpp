// SPDX-License-Identifier: Apache-2.0
#include "launcher/debug/breakpoints.hpp"

namespace husk::debug {

namespace {

constexpr std::byte int3{0xcc};

bool put(const report::GuestPages& memory, std::uint64_t at, std::byte value) {
    return memory.copy_out({at}, std::span(&value, 1));
}

}  // namespace

bool Breakpoints::try_insert(const report::GuestPages& memory, abi::GuestVirt at) {
    if (contains(at)) return true;
    std::byte before{};
    if (!memory.copy_in(at, std::span(&before, 1)) || !put(memory, at.value, int3)) return false;
    covered_.emplace(at.value, before);
    return true;
}

bool Breakpoints::try_remove(const report::GuestPages& memory, abi::GuestVirt at) {
    const auto found = covered_.find(at.value);
    if (found == covered_.end()) return false;
    // Where the memory is gone, so is the breakpoint.
    static_cast<void>(put(memory, at.value, found->second));
    covered_.erase(found);
    return true;
}

void Breakpoints::remove_all(const report::GuestPages& memory) {
    for (const auto& [address, before] : covered_) static_cast<void>(put(memory, address, before));
    covered_.clear();
}

bool Breakpoints::read(const report::GuestPages& memory, abi::GuestVirt from, std::span<std::byte> to) const {
    if (!memory.copy_in(from, to)) return false;
    for (auto entry = covered_.lower_bound(from.value); entry != covered_.end(); ++entry) {
        if (entry->first - from.value >= to.size()) break;
        to[entry->first - from.value] = entry->second;
    }
    return true;
}

bool Breakpoints::write(const report::GuestPages& memory, abi::GuestVirt to, std::span<const std::byte> from) {
    if (!memory.copy_out(to, from)) return false;
    for (auto entry = covered_.lower_bound(to.value); entry != covered_.end(); ++entry) {
        if (entry->first - to.value >= from.size()) break;
        entry->second = from[entry->first - to.value];
        static_cast<void>(put(memory, entry->first, int3));
    }
    return true;
}

}  // namespace husk::debug
