// SPDX-License-Identifier: Apache-2.0
// A pointer to an object that counts its owners itself: for what descriptors and mappings share.
#pragma once

#include <atomic>
#include <cstdint>
#include <new>
#include <utility>

#include "guest-runtime/base/alone.hpp"
#include "guest-runtime/base/result.hpp"

namespace husk {

// Base class; the last release deletes the object through its virtual destructor.
class RefCounted {
public:
    RefCounted() = default;
    RefCounted(const RefCounted&) = delete;
    RefCounted& operator=(const RefCounted&) = delete;

    // Whether there is more than one owner; an only owner whom nobody can get a reference from may rely on false.
    [[nodiscard]] bool is_shared() const { return references_.load(std::memory_order_acquire) != 1; }
    // How many owners there are; whoever has a use for it keeps them from changing.
    [[nodiscard]] std::uint32_t owners() const { return references_.load(std::memory_order_acquire); }
    void retain() { fetch_add(references_, 1u, std::memory_order_relaxed); }
    // False: the last owner has gone, and the object is on its way out.
    [[nodiscard]] bool try_retain() {
        std::uint32_t owners = references_.load(std::memory_order_relaxed);
        while (owners != 0) {
            if (references_.compare_exchange_weak(owners, owners + 1, std::memory_order_relaxed)) return true;
        }
        return false;
    }
    // Not in line, since pointers end everywhere.
    [[gnu::noinline]] void release() {
        // Pairs with the other owners' releases: their writes are seen before the destructor runs.
        if (fetch_add(references_, ~0u, std::memory_order_acq_rel) == 1) delete this;
    }

protected:
    virtual ~RefCounted() = default;

private:
    std::atomic<std::uint32_t> references_ = 1;
};

template <class T>
class RefPtr {
public:
    constexpr RefPtr() = default;
    constexpr RefPtr(std::nullptr_t) {}
    // Shares: adds an owner.
    explicit RefPtr(T* object) : object_(object) {
        if (object_ != nullptr) object_->retain();
    }
    // Takes over the reference that the caller owns.
    static RefPtr adopt(T* object) {
        RefPtr pointer;
        pointer.object_ = object;
        return pointer;
    }
    RefPtr(const RefPtr& other) : RefPtr(other.object_) {}
    RefPtr(RefPtr&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
    template <class U>
    RefPtr(const RefPtr<U>& other) : RefPtr(static_cast<T*>(other.get())) {}
    template <class U>
    RefPtr(RefPtr<U>&& other) : object_(other.leak()) {}
    RefPtr& operator=(RefPtr other) noexcept {
        std::swap(object_, other.object_);
        return *this;
    }
    ~RefPtr() {
        if (object_ != nullptr) object_->release();
    }

    [[nodiscard]] T* get() const { return object_; }
    [[nodiscard]] T* leak() { return std::exchange(object_, nullptr); }
    T* operator->() const { return object_; }
    T& operator*() const { return *object_; }
    explicit operator bool() const { return object_ != nullptr; }
    friend bool operator==(const RefPtr& a, const RefPtr& b) { return a.object_ == b.object_; }

private:
    T* object_ = nullptr;
};

// A new T, or ENOMEM.
template <class T, class... Arguments>
Result<RefPtr<T>> make_ref(Arguments&&... arguments) {
    T* object = new (std::nothrow) T(std::forward<Arguments>(arguments)...);
    if (object == nullptr) return Errno::enomem;
    return RefPtr<T>::adopt(object);
}

}  // namespace husk
