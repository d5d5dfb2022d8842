// SPDX-License-Identifier: Apache-2.0
// Guest-physical memory in blocks of 2^order pages, with a reference count for each block handed out.
#pragma once

#include <cstdint>
#include <span>

#include <husk/abi/boot_info.hpp>
#include <husk/abi/guest_address.hpp>

#include "guest-runtime/base/intrusive_list.hpp"
#include "guest-runtime/base/result.hpp"

namespace husk::memory {

inline constexpr unsigned large_order = 9;  // 2 MiB
inline constexpr unsigned max_order = 18;   // 1 GiB

enum class Contents { any, zero };

// Which part of free memory an allocation may take. Promised frames belong to ranges that were charged when they were
// mapped; behind them lies a small reserve, so that the VM lives on when the application has taken everything else.
enum class Claim {
    spare,        // what is neither promised nor reserved: files, memory that was not charged
    runtime,      // half of the reserve too: the runtime's heap and kernel stacks
    page_tables,  // all of the reserve too
    promised,     // fulfils a promise, which it uses up
};

// One block, aligned to its size, with one reference. ENOMEM when no block of that order is free.
Result<abi::GuestPhys> allocate_frames(unsigned order, Contents contents, Claim claim = Claim::spare);
void retain_frames(abi::GuestPhys block);
// The last release frees the block. `order` as allocated.
void release_frames(abi::GuestPhys block, unsigned order);
// The same for as many blocks as lie behind each other.
void release_run(abi::GuestPhys begin, std::uint64_t blocks, unsigned order);
// Makes a block with one reference into single frames with one reference each.
void split_frames(abi::GuestPhys block, unsigned order);
// The same for a block just allocated, which nobody can hold: no lock.
void split_new_frames(abi::GuestPhys block, unsigned order);
[[nodiscard]] std::uint32_t frame_references(abi::GuestPhys block);

// A reference on a block that its owner may split meanwhile: the frames then carry it.
struct BlockHold : ListNode<> {
    abi::GuestPhys block;
    unsigned order = 0;
    bool was_split = false;
};
void hold_block(BlockHold& hold, abi::GuestPhys block, unsigned order);
void release_hold(BlockHold& hold);

// Sets `frames` aside for later allocations with Claim::promised, or ENOMEM.
Result<> promise_frames(std::uint64_t frames);
// The frames behind a promise have been released, and it stands again.
void renew_promise(std::uint64_t frames);
void drop_promise(std::uint64_t frames);

// Somebody is about to release frames, and only waits for other vCPUs. An allocation that fails meanwhile waits too.
class [[nodiscard]] ReturningFrames {
public:
    ReturningFrames();
    ~ReturningFrames();
    ReturningFrames(const ReturningFrames&) = delete;
    ReturningFrames& operator=(const ReturningFrames&) = delete;
};

struct FrameCounts {
    std::uint64_t total;  // frames
    std::uint64_t free;
    std::uint64_t promised;  // part of free
    std::uint64_t reserved;  // part of free as long as nobody uses the reserve
    // What Claim::spare could get.
    [[nodiscard]] std::uint64_t spare() const {
        std::uint64_t bound = promised + reserved;
        return free > bound ? free - bound : 0;
    }
};
[[nodiscard]] FrameCounts frame_counts();

// Builds the allocator; what it needs for itself it takes out of `ranges`.
void initialise_frames(std::span<const abi::PhysRange> ranges, bool ram_is_zero);

// A word for each frame, whose meaning is its owner's while the frame is not reference counted. Any gpa below the end
// of RAM.
std::uint32_t& frame_note(abi::GuestPhys frame);

#if __STDC_HOSTED__
// Unit tests: the host address that stands for gpa 0.
extern std::uint64_t hosted_ram_base;
#endif

// Where the runtime reads and writes a frame.
template <class T = void>
T* frame_pointer(abi::GuestPhys gpa);
// The other way round, for memory of the heap and of frames.
abi::GuestPhys gpa_of(const void* in_frame);

}  // namespace husk::memory

#include <husk/abi/memory_layout.hpp>

template <class T>
T* husk::memory::frame_pointer(abi::GuestPhys gpa) {
#if __STDC_HOSTED__
    // SAFETY: a test has put its RAM at hosted_ram_base.
    return reinterpret_cast<T*>(hosted_ram_base + gpa.value);
#else
    // SAFETY: every frame is mapped read-write in the physmap for the life of the VM; the caller owns a reference.
    return reinterpret_cast<T*>(abi::physmap(gpa).value);
#endif
}

inline husk::abi::GuestPhys husk::memory::gpa_of(const void* in_frame) {
    // SAFETY: an address only; frames are reached through one contiguous window, and the difference is the gpa.
    return {reinterpret_cast<std::uint64_t>(in_frame) - reinterpret_cast<std::uint64_t>(frame_pointer<char>({0}))};
}
