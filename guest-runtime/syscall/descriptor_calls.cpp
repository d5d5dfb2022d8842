// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/syscall/descriptor_calls.hpp"

#include "guest-runtime/fs/descriptor_table.hpp"

namespace husk::sys {

namespace {

Result<int> duplicate_to(int from, int to, bool close_on_exec) {
    RefPtr<fs::File> file = HUSK_TRY(fs::place_of(from));
    HUSK_TRY(fs::descriptors().put(to, std::move(file), close_on_exec));
    return to;
}

}  // namespace

SysResult sys_close(const Call& call) { return fs::descriptors().close(call.fd(0)); }

SysResult sys_close_range(const Call& call) {
    constexpr std::uint64_t unshare = 1u << 1;  // CLOSE_RANGE_UNSHARE: threads that share the table are not split off
    constexpr std::uint64_t mark_only = 1u << 2;
    auto first = static_cast<std::uint32_t>(call[0]);
    auto last = static_cast<std::uint32_t>(call[1]);
    if ((call[2] & ~(unshare | mark_only)) != 0 || first > last) return Errno::einval;
    fs::descriptors().close_range(first, last, (call[2] & mark_only) != 0);
    return 0;
}

SysResult sys_dup(const Call& call) {
    auto file = fs::place_of(call.fd(0));
    if (!file.ok()) return file.error();
    return fs::descriptors().add(std::move(file).value(), false);
}

SysResult sys_dup2(const Call& call) {
    if (call.fd(0) == call.fd(1)) {
        auto file = fs::place_of(call.fd(0));
        return file.ok() ? SysResult(call.fd(0)) : SysResult(file.error());
    }
    return duplicate_to(call.fd(0), call.fd(1), false);
}

SysResult sys_dup3(const Call& call) {
    if (call.fd(0) == call.fd(1) || (call[2] & ~std::uint64_t{fs::open_flag::close_on_exec}) != 0) {
        return Errno::einval;
    }
    return duplicate_to(call.fd(0), call.fd(1), call[2] != 0);
}

}  // namespace husk::sys
