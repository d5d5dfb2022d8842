// SPDX-License-Identifier: Apache-2.0
#include "launcher/user_net/call_filter.hpp"

#include <fcntl.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <cerrno>
#include <memory>

namespace husk::user_net {

namespace {

constexpr std::uint64_t whole = 0xffff'ffff;        // of an int
constexpr std::uint64_t if_index_of_name = 0x8933;  // SIOCGIFINDEX: the zone of an IPv6 name server
constexpr std::uint64_t changes_a_file = O_ACCMODE | O_CREAT | O_TRUNC | O_TMPFILE | O_PATH;

std::vector<CallRule> make_rules() {
    std::vector<CallRule> rules;
    for (const int number : {// The host's side of the guest's connections, and the socket with its frames.
                             SCMP_SYS(bind), SCMP_SYS(listen), SCMP_SYS(accept), SCMP_SYS(accept4), SCMP_SYS(connect),
                             SCMP_SYS(getsockname), SCMP_SYS(getpeername), SCMP_SYS(getsockopt), SCMP_SYS(setsockopt),
                             SCMP_SYS(recvfrom), SCMP_SYS(recvmsg), SCMP_SYS(sendto), SCMP_SYS(sendmsg),
                             SCMP_SYS(shutdown), SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(fcntl), SCMP_SYS(close),
                             // Files: /etc/resolv.conf is read, messages are written.
                             SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(lseek), SCMP_SYS(stat),
                             SCMP_SYS(fstat), SCMP_SYS(newfstatat),
                             // Time, memory, glibc's locks and glib's random numbers.
                             SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday), SCMP_SYS(time), SCMP_SYS(brk),
                             SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(futex),
                             SCMP_SYS(getrandom), SCMP_SYS(getpid), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
                             SCMP_SYS(restart_syscall), SCMP_SYS(exit), SCMP_SYS(exit_group)})
        rules.push_back({number, {}});
    for (const std::uint64_t family : {std::uint64_t{AF_INET}, std::uint64_t{AF_INET6}})
        rules.push_back({SCMP_SYS(socket), {{0, whole, family}}});
    for (const std::uint64_t request : {std::uint64_t{FIONREAD}, std::uint64_t{FIONBIO}, if_index_of_name})
        rules.push_back({SCMP_SYS(ioctl), {{1, whole, request}}});
    rules.push_back({SCMP_SYS(open), {{1, changes_a_file, O_RDONLY}}});
    rules.push_back({SCMP_SYS(openat), {{2, changes_a_file, O_RDONLY}}});
    rules.push_back({SCMP_SYS(mmap), {{2, PROT_EXEC, 0}}});
    rules.push_back({SCMP_SYS(mprotect), {{2, PROT_EXEC, 0}}});  // of malloc's arenas
    return rules;
}

int add_rule(scmp_filter_ctx filter, const CallRule& rule) {
    std::vector<scmp_arg_cmp> conditions;
    for (const CallRule::Condition& condition : rule.conditions)
        conditions.push_back({condition.argument, SCMP_CMP_MASKED_EQ, condition.mask, condition.value});
    return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, rule.number, static_cast<unsigned>(conditions.size()),
                                  conditions.data());
}

// if_nametoindex() tries AF_UNIX first; it must not end the process, nor reach a server of this host.
int refuse_families(scmp_filter_ctx filter) {
    const auto refuse = [&](scmp_arg_cmp condition) {
        return seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1, &condition);
    };
    int error = refuse({0, SCMP_CMP_LT, AF_INET, 0});
    for (scmp_datum_t family = AF_INET + 1; error == 0 && family < AF_INET6; ++family)
        error = refuse({0, SCMP_CMP_EQ, family, 0});
    return error != 0 ? error : refuse({0, SCMP_CMP_GT, AF_INET6, 0});
}

}  // namespace

std::span<const CallRule> call_rules() {
    static const std::vector<CallRule> rules = make_rules();
    return rules;
}

bool install_call_filter() {
    const std::unique_ptr<void, void (*)(scmp_filter_ctx)> filter(seccomp_init(SCMP_ACT_KILL_PROCESS), seccomp_release);
    if (!filter) {
        errno = ENOMEM;
        return false;
    }
    int error = 0;
    for (const CallRule& rule : call_rules()) {
        if (error == 0) error = add_rule(filter.get(), rule);
    }
    if (error == 0) error = refuse_families(filter.get());
    if (error == 0) error = seccomp_load(filter.get());
    errno = -error;
    return error == 0;
}

}  // namespace husk::user_net
