// SPDX-License-Identifier: Apache-2.0
// The application's address space: which ranges are reserved, with which protection, backed by what.
#pragma once

#include <cstdint>
#include <optional>

#include <husk/abi/guest_address.hpp>

#include "guest-runtime/base/result.hpp"
#include "guest-runtime/memory/page_entry.hpp"
#include "guest-runtime/memory/page_source.hpp"

namespace husk::memory {

struct MapRequest {
    std::uint64_t address = 0;  // a hint, or the place with `fixed`
    std::uint64_t size_bytes = 0;
    Protection protection = 0;
    bool fixed = false;       // replaces what is there
    bool no_replace = false;  // with fixed: EEXIST instead
    bool low = false;         // MAP_32BIT: below 2 GiB
    bool shared = false;
    bool populate = false;                 // MAP_POPULATE, MAP_LOCKED
    bool no_reserve = false;               // MAP_NORESERVE: not counted against memory until touched
    bool stack = false;                    // MAP_STACK: touched from the top, never in large pages
    RefPtr<PageSource> source = nullptr;   // null: anonymous
    std::uint64_t source_offset = 0;       // bytes, page-aligned
    Protection allowed = protection::all;  // what mprotect may set later
};

enum class FaultAnswer {
    resolved,
    not_mapped,     // SIGSEGV, SEGV_MAPERR
    not_allowed,    // SIGSEGV, SEGV_ACCERR
    beyond_object,  // SIGBUS, BUS_ADRERR
    out_of_memory,  // SIGBUS... after a line in the log that says so
};

struct Access {
    bool write;
    bool execute;
};

// All of these lock for themselves; only what waits for a source of pages (populate, handle_fault, write_back_mapped)
// sleeps.
Result<std::uint64_t> map(const MapRequest& request);
// The stack of the application's first thread: as map() with `stack`, shown as "[stack]", with an inaccessible guard
// below and its top attached. Returns its lowest address.
Result<std::uint64_t> map_main_stack(const MapRequest& request);
Result<> unmap(std::uint64_t address, std::uint64_t size_bytes);
Result<> protect(std::uint64_t address, std::uint64_t size_bytes, Protection protection);
// may_move: MREMAP_MAYMOVE. fixed_address: MREMAP_FIXED.
Result<std::uint64_t> remap(std::uint64_t address, std::uint64_t old_bytes, std::uint64_t new_bytes, bool may_move,
                            std::optional<std::uint64_t> fixed_address);
// Linux's brk: returns the break after the call, unchanged where it cannot be moved.
std::uint64_t set_break(std::uint64_t address);
Result<> advise(std::uint64_t address, std::uint64_t size_bytes, int advice);
// Attaches what is not attached yet, without changing anything else. ENOMEM where nothing is mapped.
Result<> populate(std::uint64_t address, std::uint64_t size_bytes);
// ENOMEM unless all of the range is mapped.
Result<> check_mapped(std::uint64_t address, std::uint64_t size_bytes);
// What was stored through shared mappings in the range reaches their files (msync).
Result<> write_back_mapped(std::uint64_t address, std::uint64_t size_bytes);
// For mincore: one byte for each of `pages` pages from `address` on, 1 where a frame is attached.
Result<> residency(std::uint64_t address, std::uint64_t pages, std::uint8_t* resident);
FaultAnswer handle_fault(std::uint64_t address, Access access);

// Calls visit(begin, end, protection, shared, name) for every range in order, for /proc/self/maps and core files.
// Ranges next to each other that are alike come as one; `name` is "" for memory without one, "[heap]", "[stack]" or
// "/proc/self/exe". The address space is locked meanwhile: visit() may allocate, but neither map nor sleep.
struct RangeVisitor {
    virtual void visit(std::uint64_t begin, std::uint64_t end, Protection protection, bool shared,
                       const char* name) = 0;

protected:
    ~RangeVisitor() = default;
};
void visit_ranges(RangeVisitor& visitor);

struct SpaceUsage {
    std::uint64_t mapped_bytes;
    std::uint64_t resident_bytes;
};
[[nodiscard]] SpaceUsage space_usage();

}  // namespace husk::memory
