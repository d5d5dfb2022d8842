// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/base/user_memory.hpp"

#include <algorithm>

#include <husk/abi/memory_layout.hpp>

#include "guest-runtime/arch/entry.hpp"

namespace husk {

namespace {

constexpr std::uint64_t user_end = 0x8000'0000'0000;
constexpr std::uint64_t runtime_begin = abi::physmap_base, runtime_end = 0x4000'0000'0000;

// The runtime's own ranges are mapped for ring 3 too, so a bad pointer into them has to be told apart by its value.
bool is_users(std::uint64_t address, std::size_t size_bytes) {
    if (size_bytes > user_end || address > user_end - size_bytes) return false;
    return address + size_bytes <= runtime_begin || address >= runtime_end;
}

Result<> copy(void* to, const void* from, std::size_t size_bytes) {
    if (husk_copy(to, from, size_bytes) != 0) return Errno::efault;
    return {};
}

}  // namespace

Result<> copy_in(void* to, std::uint64_t from_user, std::size_t size_bytes) {
    if (!is_users(from_user, size_bytes)) return Errno::efault;
    // SAFETY: range-checked; husk_copy turns a fault into EFAULT.
    return copy(to, reinterpret_cast<const void*>(from_user), size_bytes);
}

Result<> copy_out(std::uint64_t to_user, const void* from, std::size_t size_bytes) {
    if (!is_users(to_user, size_bytes)) return Errno::efault;
    // SAFETY: as in copy_in().
    return copy(reinterpret_cast<void*>(to_user), from, size_bytes);
}

std::optional<std::uint32_t> try_load32(std::uint64_t from_user) {
    std::uint32_t value;
    // SAFETY: as in copy_in().
    const void* from = reinterpret_cast<const void*>(from_user);
    if (!is_users(from_user, sizeof value) || husk_try_load32(from, &value) != 0) return std::nullopt;
    return value;
}

std::optional<std::uint32_t> try_exchange32(std::uint64_t at_user, std::uint32_t expected, std::uint32_t desired) {
    std::uint32_t seen;
    // SAFETY: as in copy_in().
    void* word = reinterpret_cast<void*>(at_user);
    if (!is_users(at_user, sizeof seen) || husk_try_exchange32(word, expected, desired, &seen) != 0)
        return std::nullopt;
    return seen;
}

Result<> make_writable32(std::uint64_t at_user) {
    // SAFETY: as in copy_in().
    if (!is_users(at_user, sizeof(std::uint32_t)) || husk_touch32(reinterpret_cast<void*>(at_user)) != 0)
        return Errno::efault;
    return {};
}

Result<> zero_out(std::uint64_t to_user, std::size_t size_bytes) {
    static constexpr std::byte zeros[256] = {};
    while (size_bytes > 0) {
        std::size_t step = std::min(size_bytes, sizeof zeros);
        HUSK_TRY(copy_out(to_user, zeros, step));
        to_user += step;
        size_bytes -= step;
    }
    return {};
}

Result<std::size_t> copy_in_string(std::span<char> to, std::uint64_t from_user) {
    // Up to a page border at a time: the next page may not be there although the string ends before it.
    std::size_t used = 0;
    while (used < to.size()) {
        std::uint64_t address = from_user + used;
        std::size_t to_border = static_cast<std::size_t>(abi::page_size - address % abi::page_size);
        std::size_t step = std::min({to.size() - used, to_border, std::size_t{64}});
        HUSK_TRY(copy_in(to.data() + used, address, step));
        auto end = std::find(to.begin() + static_cast<std::ptrdiff_t>(used),
                             to.begin() + static_cast<std::ptrdiff_t>(used + step), '\0');
        used += step;
        auto length = static_cast<std::size_t>(end - to.begin());
        if (length < used) return length;
    }
    return Errno::enametoolong;
}

}  // namespace husk
