// SPDX-License-Identifier: Apache-2.0
// Fakes of what the guest's memory code gives the rest: frames, heap, the border to user memory.
#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>

#include "guest-runtime/base/heap.hpp"
#include "guest-runtime/base/panic.hpp"
#include "guest-runtime/base/random.hpp"
#include "guest-runtime/base/user_memory.hpp"
#include "guest-runtime/memory/address_space.hpp"
#include "guest-runtime/memory/frames.hpp"
#include "guest-runtime/memory/reclaim.hpp"
#include "guest-runtime/memory/user_pages.hpp"
#include "tests/support/guest_fakes/machine.hpp"

namespace husk {

namespace {

const char* forbidden_begin = nullptr;
const char* forbidden_end = nullptr;

bool may_touch(std::uint64_t address, std::size_t size_bytes) {
    const char* begin = reinterpret_cast<const char*>(address);
    if (address < abi::page_size) return false;
    return begin + size_bytes <= forbidden_begin || begin >= forbidden_end;
}

}  // namespace

namespace memory {

std::uint64_t hosted_ram_base = 0;

namespace {

constexpr std::uint64_t frame_total = 65536;
std::map<std::uint64_t, std::uint32_t> references;  // by gpa
std::vector<std::uint64_t> released;
std::uint64_t next_frame = abi::page_size;
std::uint64_t frames_allowed = UINT64_MAX;

}  // namespace

Result<abi::GuestPhys> allocate_frames(unsigned order, Contents contents, Claim) {
    if (order != 0) panic("only single frames are faked");
    if (hosted_ram_base == 0) {
        void* ram = ::mmap(nullptr, frame_total * abi::page_size, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        hosted_ram_base = reinterpret_cast<std::uint64_t>(ram);
    }
    if (frames_allowed == 0) make_spare(frame_counts().spare() + 1);
    if (frames_allowed == 0) return Errno::enomem;
    if (frames_allowed != UINT64_MAX) --frames_allowed;
    std::uint64_t gpa = 0;
    if (!released.empty()) {
        gpa = released.back();
        released.pop_back();
    } else {
        if (next_frame == frame_total * abi::page_size) return Errno::enomem;
        gpa = next_frame;
        next_frame += abi::page_size;
    }
    references[gpa] = 1;
    std::memset(frame_pointer<void>({gpa}), contents == Contents::zero ? 0 : 0xa5, abi::page_size);
    return abi::GuestPhys{gpa};
}

std::uint32_t frame_references(abi::GuestPhys block) { return references.at(block.value); }
void retain_frames(abi::GuestPhys block) { ++references.at(block.value); }

void release_frames(abi::GuestPhys block, unsigned) {
    if (--references.at(block.value) != 0) return;
    references.erase(block.value);
    std::memset(frame_pointer<void>(block), 0xdd, abi::page_size);
    released.push_back(block.value);
    if (frames_allowed != UINT64_MAX) ++frames_allowed;
}

namespace {
Reclaimer reclaimer = nullptr;
}  // namespace
void set_reclaimer(Reclaimer wanted) { reclaimer = wanted; }
bool make_spare(std::uint64_t frames) {
    std::uint64_t spare = frame_counts().spare();
    return reclaimer != nullptr && spare < frames && reclaimer(frames - spare) != 0;
}

FrameCounts frame_counts() {
    FrameCounts counts = {};
    counts.total = frame_total;
    counts.free =
        std::min(frames_allowed == UINT64_MAX ? frame_total : frames_allowed + 64, frame_total - references.size());
    return counts;
}

// The application's memory is the test's own: page by page, so that there are several parts.
HeldPages::~HeldPages() = default;
Result<std::uint64_t> HeldPages::add(std::uint64_t address, std::uint64_t size_bytes, bool) {
    std::uint64_t done = 0;
    while (done < size_bytes && count_ < max_parts && may_touch(address + done, 1)) {
        std::uint64_t piece = std::min(size_bytes - done, abi::page_size - (address + done) % abi::page_size);
        parts_[count_++] = {gpa_of(reinterpret_cast<const void*>(address + done)), piece};
        done += piece;
    }
    return done == 0 && count_ < max_parts ? Result<std::uint64_t>(Errno::efault) : done;
}

void visit_ranges(RangeVisitor& visitor) {
    visitor.visit(0x400000, 0x401000, protection::read | protection::execute, false, "/proc/self/exe");
    visitor.visit(0x7fff00000000, 0x7fff00100000, protection::read | protection::write, false, "[stack]");
}
SpaceUsage space_usage() { return {0x101000, 0x3000}; }

}  // namespace memory

namespace heap {

void* allocate(std::size_t size_bytes) { return std::aligned_alloc(16, (size_bytes + 15) & ~std::size_t{15}); }
void release(void* block, std::size_t) { std::free(block); }

}  // namespace heap

Result<> copy_in(void* to, std::uint64_t from_user, std::size_t size_bytes) {
    if (size_bytes == 0) return {};
    if (!may_touch(from_user, size_bytes)) return Errno::efault;
    std::memcpy(to, reinterpret_cast<const void*>(from_user), size_bytes);
    return {};
}
Result<> copy_out(std::uint64_t to_user, const void* from, std::size_t size_bytes) {
    if (size_bytes == 0) return {};
    if (!may_touch(to_user, size_bytes)) return Errno::efault;
    std::memcpy(reinterpret_cast<void*>(to_user), from, size_bytes);
    return {};
}
Result<> zero_out(std::uint64_t to_user, std::size_t size_bytes) {
    if (size_bytes == 0) return {};
    if (!may_touch(to_user, size_bytes)) return Errno::efault;
    std::memset(reinterpret_cast<void*>(to_user), 0, size_bytes);
    return {};
}
Result<std::size_t> copy_in_string(std::span<char> to, std::uint64_t from_user) {
    for (std::size_t i = 0; i < to.size(); ++i) {
        HUSK_TRY(copy_in(&to[i], from_user + i, 1));
        if (to[i] == 0) return i;
    }
    return Errno::enametoolong;
}

void fill_random(std::span<std::byte> to) {
    static unsigned next = 1;
    for (std::byte& byte : to) byte = static_cast<std::byte>((next = next * 1664525 + 1013904223) >> 24);
}

void panic(std::string_view what, CodePlace) { throw test::Panic(std::string(what)); }
void log_line(std::string_view) {}

namespace test {

std::uint64_t frames_in_use() { return memory::references.size(); }
void limit_free_frames(std::uint64_t frames) { memory::frames_allowed = frames; }
void forbid_user_memory(const void* begin, const void* end) {
    forbidden_begin = static_cast<const char*>(begin);
    forbidden_end = static_cast<const char*>(end);
}

}  // namespace test

}  // namespace husk
