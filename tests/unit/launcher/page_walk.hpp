// SPDX-License-Identifier: Apache-2.0
// What the CPU would find for an address in page tables that lie in a span.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include <husk/abi/machine.hpp>

namespace husk::test {

struct Translation {
    std::uint64_t phys;
    std::uint64_t page_bytes;
    bool user, writable, executable, accessed, dirty;
};

// words begin at gpa begin, where the root is. Permissions are those of all levels together [sdm3 4.6].
inline std::optional<Translation> walk(std::span<const std::uint64_t> words, std::uint64_t begin, std::uint64_t virt) {
    namespace pte = abi::pte;
    Translation found{0, 0, true, true, true, true, false};
    std::uint64_t table = begin;
    for (int level = 3; level >= 0; --level) {
        const unsigned shift = 12 + 9 * static_cast<unsigned>(level);
        const std::uint64_t entry = words[(table - begin) / 8 + (virt >> shift & 511)];
        if ((entry & pte::present) == 0) return std::nullopt;
        found.user &= (entry & pte::user) != 0;
        found.writable &= (entry & pte::writable) != 0;
        found.executable &= (entry & pte::no_execute) == 0;
        found.accessed &= (entry & pte::accessed) != 0;
        if (level == 0 || (entry & pte::large) != 0) {
            found.page_bytes = std::uint64_t{1} << shift;
            found.phys = (entry & pte::address_mask & ~(found.page_bytes - 1)) | (virt & (found.page_bytes - 1));
            found.dirty = (entry & pte::dirty) != 0;
            return found;
        }
        table = entry & pte::address_mask;
    }
    return std::nullopt;
}

}  // namespace husk::test
