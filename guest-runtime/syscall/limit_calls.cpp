// SPDX-License-Identifier: Apache-2.0
// Resource limits: those that mean something here are kept by who enforces them, the rest are only remembered.
#include <array>

#include "guest-runtime/fs/descriptor_table.hpp"
#include "guest-runtime/fs/process_view.hpp"
#include "guest-runtime/syscall/process_calls.hpp"
#include "guest-runtime/thread/thread.hpp"

namespace husk::sys {

namespace {

struct Limit {
    std::uint64_t soft, hard;
};
constexpr std::uint64_t infinity = ~0ull;
constexpr unsigned file_size = 1, stack = 3, core = 4, open_files = 7, limit_count = 16;

constinit std::array<Limit, limit_count> limits = [] {
    std::array<Limit, limit_count> all{};
    for (Limit& limit : all) limit = {infinity, infinity};
    all[stack] = {8ull << 20, infinity};
    all[core] = {0, infinity};
    all[open_files] = {fs::DescriptorTable::default_limit, fs::DescriptorTable::hard_limit};
    return all;
}();

Result<> set_limit(unsigned resource, const Limit& wanted) {
    if (wanted.soft > wanted.hard) return Errno::einval;
    if (resource == open_files) {
        if (wanted.hard > fs::DescriptorTable::hard_limit) return Errno::eperm;
        fs::descriptors().set_limit(static_cast<std::uint32_t>(wanted.soft));
    }
    if (resource == file_size) fs::set_file_size_limit(wanted.soft);
    limits[resource] = wanted;
    return {};
}

}  // namespace

SysResult sys_getrlimit(const Call& call) {
    if (call[0] >= limit_count) return Errno::einval;
    return call.pointer<Limit>(1).store(limits[call[0]]);
}

SysResult sys_setrlimit(const Call& call) {
    if (call[0] >= limit_count) return Errno::einval;
    return set_limit(static_cast<unsigned>(call[0]), HUSK_TRY(call.pointer<Limit>(1).load()));
}

SysResult sys_prlimit64(const Call& call) {
    int pid = call.integer(0);
    if (pid != 0 && pid != thread::process_id) return Errno::esrch;
    if (call[1] >= limit_count) return Errno::einval;
    auto resource = static_cast<unsigned>(call[1]);
    Limit old = limits[resource];
    if (auto wanted = call.pointer<Limit>(2)) HUSK_TRY(set_limit(resource, HUSK_TRY(wanted.load())));
    if (auto out = call.pointer<Limit>(3)) return out.store(old);
    return 0;
}

}  // namespace husk::sys
