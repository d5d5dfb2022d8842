// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/arch/page_table_gate.hpp"

#include <husk/abi/memory_layout.hpp>

extern "C" {
void husk_enter_ring0();
void husk_ring0_copy();
void husk_ring0_copy_flush_page();
void husk_ring0_copy_flush_all();
}

namespace husk::arch {

namespace {

using Routine = void (*)();

constexpr Routine routine_for(Flush flush) {
    switch (flush) {
        case Flush::none:
            return husk_ring0_copy;
        case Flush::page:
            return husk_ring0_copy_flush_page;
        default:
            return husk_ring0_copy_flush_all;
    }
}

}  // namespace

void write_page_table(abi::GuestPhys first, std::span<const std::uint64_t> entries, Flush flush,
                      std::uint64_t address) {
    std::uint64_t to = abi::supervisor_map(first).value;
    const std::uint64_t* from = entries.data();
    std::uint64_t count = entries.size();
    Routine routine = routine_for(flush);
    asm volatile("call husk_enter_ring0"
                 : "+D"(to), "+S"(from), "+c"(count), "+d"(address), "+a"(routine)
                 :
                 : "memory", "cc");
}

void flush_translations() { write_page_table({}, {}, Flush::all); }

}  // namespace husk::arch
