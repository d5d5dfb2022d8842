// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/base/heap.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <iterator>
#include <new>

#include "guest-runtime/base/panic.hpp"
#include "guest-runtime/base/spinlock.hpp"
#include "guest-runtime/memory/frames.hpp"

namespace husk::heap {

namespace {

using memory::Claim;
using memory::Contents;

struct FreeObject {
    FreeObject* next;
};

// The head of a block of frames that is cut into objects of one size. Objects that were never handed out are not
// linked: their pages stay untouched.
struct Slab {
    Slab* previous;
    Slab* next;
    FreeObject* free;
    std::uint32_t in_use;
    std::uint32_t fresh_offset;  // of the first object never handed out
};
static_assert(sizeof(Slab) == 32);

constexpr std::uint16_t class_sizes[] = {16, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 2016};
constexpr std::size_t largest_class = class_sizes[std::size(class_sizes) - 1];

constexpr unsigned slab_order(std::size_t object_bytes) {
    return object_bytes <= 256 ? 0 : object_bytes <= 512 ? 1 : 2;
}

// All objects of one size. Slabs with room are in a list; the last of them is kept when it becomes empty.
class SizeClass {
public:
    void* allocate(std::size_t object_bytes) {
        Guard guard(lock_);
        Slab* slab = usable_;
        if (slab == nullptr) {
            slab = create_slab(object_bytes);
            if (slab == nullptr) return nullptr;
        }
        ++slab->in_use;
        void* object = nullptr;
        if (slab->free != nullptr) {
            object = slab->free;
            slab->free = slab->free->next;
        } else {
            // SAFETY: a slab is the head of slab_bytes of memory, and the object behind the last one fits.
            object = reinterpret_cast<char*>(slab) + slab->fresh_offset;
            slab->fresh_offset += static_cast<std::uint32_t>(object_bytes);
        }
        if (is_full(*slab, object_bytes)) unlink(*slab);
        return object;
    }

    void release(void* object, std::size_t object_bytes) {
        std::uint64_t slab_bytes = abi::page_size << slab_order(object_bytes);
        // SAFETY: a slab is aligned to its size, and `object` was cut from one of this class.
        auto* slab = reinterpret_cast<Slab*>(abi::align_down(reinterpret_cast<std::uint64_t>(object), slab_bytes));
        Guard guard(lock_);
        check(slab->in_use != 0, "heap object released twice");
        bool was_full = is_full(*slab, object_bytes);
        slab->free = new (object) FreeObject{slab->free};
        --slab->in_use;
        if (was_full) link(*slab);
        bool is_only = slab->previous == nullptr && slab->next == nullptr;
        if (slab->in_use != 0 || is_only) return;
        unlink(*slab);
        memory::release_frames(memory::gpa_of(slab), slab_order(object_bytes));
    }

private:
    static bool is_full(const Slab& slab, std::size_t object_bytes) {
        std::uint64_t slab_bytes = abi::page_size << slab_order(object_bytes);
        return slab.free == nullptr && slab.fresh_offset + object_bytes > slab_bytes;
    }
    Slab* create_slab(std::size_t object_bytes) {
        auto block = memory::allocate_frames(slab_order(object_bytes), Contents::any, Claim::runtime);
        if (!block.ok()) return nullptr;
        auto* slab = new (memory::frame_pointer<>(block.value())) Slab{nullptr, nullptr, nullptr, 0, sizeof(Slab)};
        link(*slab);
        return slab;
    }
    void link(Slab& slab) {
        slab.previous = nullptr;
        slab.next = usable_;
        if (usable_ != nullptr) usable_->previous = &slab;
        usable_ = &slab;
    }
    void unlink(Slab& slab) {
        (slab.previous != nullptr ? slab.previous->next : usable_) = slab.next;
        if (slab.next != nullptr) slab.next->previous = slab.previous;
        slab.previous = slab.next = nullptr;
    }

    Spinlock lock_;
    Slab* usable_ = nullptr;
};

constinit SizeClass classes[std::size(class_sizes)];

std::size_t class_of(std::size_t size_bytes) {
    return static_cast<std::size_t>(std::lower_bound(std::begin(class_sizes), std::end(class_sizes), size_bytes) -
                                    std::begin(class_sizes));
}

std::uint64_t pages_of(std::size_t size_bytes) { return (size_bytes + abi::page_size - 1) / abi::page_size; }

// A run of pages: a block of the next power of two, whose tail goes back at once.
void* allocate_pages(std::uint64_t pages) {
    auto order = static_cast<unsigned>(std::bit_width(pages - 1));
    if (order > memory::max_order) return nullptr;
    auto block = memory::allocate_frames(order, Contents::any, Claim::runtime);
    if (!block.ok()) return nullptr;
    if (order != 0) memory::split_new_frames(block.value(), order);
    memory::release_run(block.value() + pages * abi::page_size, (1ull << order) - pages, 0);
    return memory::frame_pointer<>(block.value());
}

}  // namespace

void* allocate(std::size_t size_bytes) {
    if (size_bytes > largest_class) return allocate_pages(pages_of(size_bytes));
    std::size_t index = class_of(size_bytes);
    return classes[index].allocate(class_sizes[index]);
}

void release(void* block, std::size_t size_bytes) {
    if (block == nullptr) return;
    if (size_bytes <= largest_class) {
        std::size_t index = class_of(size_bytes);
        classes[index].release(block, class_sizes[index]);
        return;
    }
    memory::release_run(memory::gpa_of(block), pages_of(size_bytes), 0);
}

}  // namespace husk::heap
