// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/syscall/memory_calls.hpp"

#include <algorithm>
#include <optional>

#include "guest-runtime/memory/address_space.hpp"
#include "guest-runtime/memory/file_mapping.hpp"
#include "guest-runtime/memory/late_relro.hpp"

namespace husk::sys {

namespace {

constexpr std::uint64_t page_mask = abi::page_size - 1;

// MAP_* of Linux.
namespace map_flag {
constexpr std::uint64_t shared = 0x01;
constexpr std::uint64_t private_copy = 0x02;
constexpr std::uint64_t shared_validate = 0x03;
constexpr std::uint64_t type_mask = 0x0f;
constexpr std::uint64_t fixed = 0x10;
constexpr std::uint64_t anonymous = 0x20;
constexpr std::uint64_t low = 0x40;  // MAP_32BIT
constexpr std::uint64_t locked = 0x2000;
constexpr std::uint64_t no_reserve = 0x4000;
constexpr std::uint64_t populate = 0x8000;
constexpr std::uint64_t stack = 0x2'0000;
constexpr std::uint64_t huge_pages = 0x4'0000;
constexpr std::uint64_t fixed_no_replace = 0x10'0000;
constexpr std::uint64_t sync = 0x8'0000;
}  // namespace map_flag

namespace remap_flag {
constexpr std::uint64_t may_move = 1;
constexpr std::uint64_t fixed = 2;
}  // namespace remap_flag

// Fills in what the descriptor says. A shared mapping of a descriptor that cannot be written may never become writable.
Result<> add_source(memory::MapRequest& request, int fd) {
    if (!request.shared) {
        request.source = HUSK_TRY(fs::page_source_of(fd, false, request.protection));
        return {};
    }
    auto writable = fs::page_source_of(fd, true, request.protection);
    if (writable.ok()) {
        request.source = std::move(writable).value();
        return {};
    }
    if (writable.error() != Errno::eacces || (request.protection & memory::protection::write) != 0) {
        return writable.error();
    }
    request.source = HUSK_TRY(fs::page_source_of(fd, false, request.protection));
    request.allowed = memory::protection::read | memory::protection::execute;
    return {};
}

}  // namespace

SysResult sys_mmap(const Call& call) {
    std::uint64_t flags = call[3];
    std::uint64_t offset = call[5];
    std::uint64_t type = flags & map_flag::type_mask;
    if ((offset & page_mask) != 0) return Errno::einval;
    memory::MapRequest request;
    request.address = call[0];
    request.size_bytes = call[1];
    request.protection = static_cast<memory::Protection>(call[2]) & memory::protection::all;
    request.shared = type != map_flag::private_copy;
    request.fixed = (flags & (map_flag::fixed | map_flag::fixed_no_replace)) != 0;
    request.no_replace = (flags & map_flag::fixed_no_replace) != 0;
    request.low = (flags & map_flag::low) != 0;
    request.populate = (flags & (map_flag::populate | map_flag::locked)) != 0;
    request.no_reserve = (flags & map_flag::no_reserve) != 0;
    request.stack = (flags & map_flag::stack) != 0;
    bool is_anonymous = (flags & map_flag::anonymous) != 0;
    if (!is_anonymous) {
        // The descriptor is looked at first, as in Linux.
        auto added = add_source(request, call.fd(4));
        if (!added.ok()) return added;
        request.source_offset = offset;
    }
    if (request.size_bytes == 0) return Errno::einval;
    if (type != map_flag::shared && type != map_flag::private_copy && type != map_flag::shared_validate) {
        return Errno::einval;
    }
    if (type == map_flag::shared_validate && (is_anonymous || (flags & map_flag::sync) != 0)) {
        return is_anonymous ? Errno::einval : Errno::eopnotsupp;
    }
    // A pool of huge pages that nobody has filled: ordinary memory gets large pages by itself.
    if (is_anonymous && (flags & map_flag::huge_pages) != 0) return Errno::enomem;
    if (offset + request.size_bytes < offset) return Errno::eoverflow;
    return memory::map(request);
}

SysResult sys_munmap(const Call& call) { return memory::unmap(call[0], call[1]); }

SysResult sys_mprotect(const Call& call) {
    constexpr std::uint64_t atomic_use = 8;  // PROT_SEM, without meaning on x86
    std::uint64_t wanted = call[2];
    if ((wanted & ~(memory::protection::all | atomic_use)) != 0) return Errno::einval;
    if (memory::postpone_relro(call[0], call[1], wanted)) return 0;
    return memory::protect(call[0], call[1], static_cast<memory::Protection>(wanted) & memory::protection::all);
}

SysResult sys_mremap(const Call& call) {
    std::uint64_t flags = call[3];
    // MREMAP_DONTUNMAP leaves an empty range behind; nothing that is served here uses it.
    if ((flags & ~(remap_flag::may_move | remap_flag::fixed)) != 0) return Errno::einval;
    bool may_move = (flags & remap_flag::may_move) != 0;
    bool is_fixed = (flags & remap_flag::fixed) != 0;
    if (is_fixed && !may_move) return Errno::einval;
    return memory::remap(call[0], call[1], call[2], may_move, is_fixed ? std::optional(call[4]) : std::nullopt);
}

SysResult sys_brk(const Call& call) { return memory::set_break(call[0]); }

SysResult sys_madvise(const Call& call) { return memory::advise(call[0], call[1], call.integer(2)); }

SysResult sys_mincore(const Call& call) {
    std::uint64_t address = call[0];
    if ((address & page_mask) != 0) return Errno::einval;
    std::uint64_t pages = call[1] / abi::page_size + ((call[1] & page_mask) != 0 ? 1 : 0);
    std::uint64_t end = 0;
    if (__builtin_mul_overflow(pages, abi::page_size, &end) || __builtin_add_overflow(end, address, &end)) {
        return Errno::enomem;
    }
    std::uint8_t resident[512];
    for (std::uint64_t done = 0; done < pages;) {
        std::uint64_t count = std::min<std::uint64_t>(pages - done, sizeof resident);
        auto asked = memory::residency(address + done * abi::page_size, count, resident);
        if (!asked.ok()) return asked;
        auto copied = copy_out(call[2] + done, resident, count);
        if (!copied.ok()) return copied;
        done += count;
    }
    return 0;
}

SysResult sys_msync(const Call& call) {
    constexpr std::uint64_t async = 1, invalidate = 2, sync = 4;
    std::uint64_t flags = call[2];
    if ((flags & ~(async | invalidate | sync)) != 0 || (call[0] & page_mask) != 0) return Errno::einval;
    if ((flags & async) != 0 && (flags & sync) != 0) return Errno::einval;
    std::uint64_t size_bytes = abi::align_up(call[1], abi::page_size);
    auto mapped = memory::check_mapped(call[0], size_bytes);
    // Mappings share the frames of their files, so that MS_ASYNC has nothing to do.
    return !mapped.ok() || (flags & sync) == 0 ? mapped : memory::write_back_mapped(call[0], size_bytes);
}

// Memory is never swapped out, so locking it only means attaching it.
SysResult sys_mlock(const Call& call) {
    std::uint64_t begin = call[0] & ~page_mask;
    std::uint64_t size_bytes = abi::align_up(call[1] + (call[0] & page_mask), abi::page_size);
    if (begin + size_bytes < begin) return Errno::einval;
    auto mapped = memory::check_mapped(begin, size_bytes);
    if (!mapped.ok()) return mapped;
    return memory::populate(begin, size_bytes);
}

SysResult sys_mlock2(const Call& call) {
    constexpr std::uint64_t on_fault = 1;
    if ((call[2] & ~on_fault) != 0) return Errno::einval;
    return (call[2] & on_fault) != 0 ? sys_munlock(call) : sys_mlock(call);
}

SysResult sys_munlock(const Call& call) {
    std::uint64_t begin = call[0] & ~page_mask;
    return memory::check_mapped(begin, abi::align_up(call[1] + (call[0] & page_mask), abi::page_size));
}

SysResult sys_mlockall(const Call& call) {
    constexpr std::uint64_t current = 1, future = 2, on_fault = 4;
    std::uint64_t flags = call[0];
    if (flags == 0 || flags == on_fault || (flags & ~(current | future | on_fault)) != 0) return Errno::einval;
    return 0;
}

SysResult sys_munlockall(const Call&) { return 0; }

// As a kernel built without NUMA answers.
SysResult sys_mbind(const Call&) { return Errno::enosys; }
SysResult sys_set_mempolicy(const Call&) { return Errno::enosys; }
SysResult sys_get_mempolicy(const Call&) { return Errno::enosys; }

}  // namespace husk::sys
