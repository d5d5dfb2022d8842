// SPDX-License-Identifier: Apache-2.0
// The constants of Linux's system calls by value, from the host's headers: both sides are x86-64.
#pragma once

#include <fcntl.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <ctime>
#include <span>
#include <string_view>

namespace husk::trace {

struct Name {
    std::uint64_t value;
    std::string_view name;
};
using Names = std::span<const Name>;

// Signed and narrow constants become what a register holds, cut to 32 bits as the kernel does.
#define NAME(constant) \
    { static_cast<std::uint32_t>(constant), #constant }

inline constexpr Name access_modes[] = {NAME(R_OK), NAME(W_OK), NAME(X_OK)};
// Those that contain others come first.
inline constexpr Name open_flags[] = {NAME(O_SYNC),      NAME(O_TMPFILE), NAME(O_CREAT),    NAME(O_EXCL),
                                      NAME(O_NOCTTY),    NAME(O_TRUNC),   NAME(O_APPEND),   NAME(O_NONBLOCK),
                                      NAME(O_DSYNC),     NAME(O_DIRECT),  NAME(O_NOFOLLOW), NAME(O_NOATIME),
                                      NAME(O_DIRECTORY), NAME(O_CLOEXEC), NAME(O_PATH)};
inline constexpr Name at_flags[] = {NAME(AT_SYMLINK_NOFOLLOW), NAME(AT_REMOVEDIR), NAME(AT_SYMLINK_FOLLOW),
                                    NAME(AT_NO_AUTOMOUNT), NAME(AT_EMPTY_PATH)};
inline constexpr Name whences[] = {NAME(SEEK_SET), NAME(SEEK_CUR), NAME(SEEK_END), NAME(SEEK_DATA), NAME(SEEK_HOLE)};
inline constexpr Name protections[] = {NAME(PROT_NONE), NAME(PROT_READ), NAME(PROT_WRITE), NAME(PROT_EXEC)};
inline constexpr Name map_flags[] = {
    NAME(MAP_SHARED_VALIDATE), NAME(MAP_SHARED),  NAME(MAP_PRIVATE),        NAME(MAP_FIXED),    NAME(MAP_ANONYMOUS),
    NAME(MAP_GROWSDOWN),       NAME(MAP_LOCKED),  NAME(MAP_NORESERVE),      NAME(MAP_POPULATE), NAME(MAP_NONBLOCK),
    NAME(MAP_STACK),           NAME(MAP_HUGETLB), NAME(MAP_FIXED_NOREPLACE)};
inline constexpr Name remap_flags[] = {NAME(MREMAP_MAYMOVE), NAME(MREMAP_FIXED), NAME(MREMAP_DONTUNMAP)};
inline constexpr Name sync_flags[] = {NAME(MS_ASYNC), NAME(MS_INVALIDATE), NAME(MS_SYNC)};
inline constexpr Name advices[] = {NAME(MADV_NORMAL),   NAME(MADV_RANDOM),     NAME(MADV_SEQUENTIAL),
                                   NAME(MADV_WILLNEED), NAME(MADV_DONTNEED),   NAME(MADV_FREE),
                                   NAME(MADV_HUGEPAGE), NAME(MADV_NOHUGEPAGE), NAME(MADV_DONTDUMP),
                                   NAME(MADV_DODUMP),   NAME(MADV_MERGEABLE),  NAME(MADV_POPULATE_READ),
                                   NAME(MADV_COLD),     NAME(MADV_PAGEOUT),    NAME(MADV_POPULATE_WRITE)};
inline constexpr Name mask_hows[] = {NAME(SIG_BLOCK), NAME(SIG_UNBLOCK), NAME(SIG_SETMASK)};
inline constexpr Name clocks[] = {
    NAME(CLOCK_REALTIME),          NAME(CLOCK_MONOTONIC),     NAME(CLOCK_PROCESS_CPUTIME_ID),
    NAME(CLOCK_THREAD_CPUTIME_ID), NAME(CLOCK_MONOTONIC_RAW), NAME(CLOCK_REALTIME_COARSE),
    NAME(CLOCK_MONOTONIC_COARSE),  NAME(CLOCK_BOOTTIME),      NAME(CLOCK_TAI)};
inline constexpr Name timer_flags[] = {NAME(TIMER_ABSTIME)};
inline constexpr Name domains[] = {NAME(AF_UNSPEC), NAME(AF_UNIX),    NAME(AF_INET),
                                   NAME(AF_INET6),  NAME(AF_NETLINK), NAME(AF_PACKET)};
inline constexpr Name socket_types[] = {NAME(SOCK_STREAM), NAME(SOCK_DGRAM), NAME(SOCK_RAW), NAME(SOCK_SEQPACKET)};
inline constexpr Name socket_flags[] = {NAME(SOCK_CLOEXEC), NAME(SOCK_NONBLOCK)};
inline constexpr Name protocols[] = {NAME(IPPROTO_IP),  NAME(IPPROTO_ICMP), NAME(IPPROTO_TCP),
                                     NAME(IPPROTO_UDP), NAME(IPPROTO_IPV6), NAME(IPPROTO_ICMPV6)};
inline constexpr Name levels[] = {
    NAME(SOL_SOCKET), NAME(SOL_IP), NAME(SOL_TCP), {IPPROTO_UDP, "SOL_UDP"}, NAME(SOL_IPV6)};
inline constexpr Name socket_options[] = {
    NAME(SO_DEBUG),     NAME(SO_REUSEADDR), NAME(SO_TYPE),         NAME(SO_ERROR),      NAME(SO_DONTROUTE),
    NAME(SO_BROADCAST), NAME(SO_SNDBUF),    NAME(SO_RCVBUF),       NAME(SO_KEEPALIVE),  NAME(SO_OOBINLINE),
    NAME(SO_LINGER),    NAME(SO_REUSEPORT), NAME(SO_PASSCRED),     NAME(SO_PEERCRED),   NAME(SO_RCVLOWAT),
    NAME(SO_RCVTIMEO),  NAME(SO_SNDTIMEO),  NAME(SO_TIMESTAMP),    NAME(SO_ACCEPTCONN), NAME(SO_PROTOCOL),
    NAME(SO_DOMAIN),    NAME(SO_PRIORITY),  NAME(SO_BINDTODEVICE), NAME(SO_ZEROCOPY)};
inline constexpr Name tcp_options[] = {NAME(TCP_NODELAY),      NAME(TCP_MAXSEG),      NAME(TCP_CORK),
                                       NAME(TCP_KEEPIDLE),     NAME(TCP_KEEPINTVL),   NAME(TCP_KEEPCNT),
                                       NAME(TCP_INFO),         NAME(TCP_QUICKACK),    NAME(TCP_FASTOPEN),
                                       NAME(TCP_USER_TIMEOUT), NAME(TCP_DEFER_ACCEPT)};
inline constexpr Name ipv6_options[] = {NAME(IPV6_V6ONLY), NAME(IPV6_RECVPKTINFO), NAME(IPV6_UNICAST_HOPS),
                                        NAME(IPV6_TCLASS)};
inline constexpr Name ip_options[] = {NAME(IP_TOS), NAME(IP_TTL), NAME(IP_PKTINFO), NAME(IP_RECVERR),
                                      NAME(IP_MTU_DISCOVER)};
inline constexpr Name message_flags[] = {
    NAME(MSG_OOB),        NAME(MSG_PEEK),     NAME(MSG_DONTROUTE),   NAME(MSG_CTRUNC),   NAME(MSG_TRUNC),
    NAME(MSG_DONTWAIT),   NAME(MSG_EOR),      NAME(MSG_WAITALL),     NAME(MSG_NOSIGNAL), NAME(MSG_MORE),
    NAME(MSG_WAITFORONE), NAME(MSG_ERRQUEUE), NAME(MSG_CMSG_CLOEXEC)};
inline constexpr Name shutdown_hows[] = {NAME(SHUT_RD), NAME(SHUT_WR), NAME(SHUT_RDWR)};
inline constexpr Name epoll_ops[] = {NAME(EPOLL_CTL_ADD), NAME(EPOLL_CTL_DEL), NAME(EPOLL_CTL_MOD)};
inline constexpr Name epoll_flags[] = {NAME(EPOLL_CLOEXEC)};
inline constexpr Name futex_ops[] = {NAME(FUTEX_WAIT),        NAME(FUTEX_WAKE),       NAME(FUTEX_REQUEUE),
                                     NAME(FUTEX_CMP_REQUEUE), NAME(FUTEX_WAKE_OP),    NAME(FUTEX_LOCK_PI),
                                     NAME(FUTEX_UNLOCK_PI),   NAME(FUTEX_TRYLOCK_PI), NAME(FUTEX_WAIT_BITSET),
                                     NAME(FUTEX_WAKE_BITSET)};
inline constexpr Name futex_flags[] = {NAME(FUTEX_PRIVATE_FLAG), NAME(FUTEX_CLOCK_REALTIME)};
inline constexpr Name fcntl_ops[] = {NAME(F_DUPFD),      NAME(F_GETFD),     NAME(F_SETFD),         NAME(F_GETFL),
                                     NAME(F_SETFL),      NAME(F_GETLK),     NAME(F_SETLK),         NAME(F_SETLKW),
                                     NAME(F_SETOWN),     NAME(F_GETOWN),    NAME(F_DUPFD_CLOEXEC), NAME(F_SETPIPE_SZ),
                                     NAME(F_GETPIPE_SZ), NAME(F_ADD_SEALS), NAME(F_GET_SEALS),     NAME(F_OFD_GETLK),
                                     NAME(F_OFD_SETLK),  NAME(F_OFD_SETLKW)};
inline constexpr Name ioctl_ops[] = {
    NAME(TCGETS),    NAME(TCSETS),   NAME(TCSETSW), NAME(TCSETSF), NAME(TIOCGWINSZ), NAME(TIOCSWINSZ), NAME(TIOCGPGRP),
    NAME(TIOCSPGRP), NAME(FIONREAD), NAME(FIONBIO), NAME(FIOCLEX), NAME(FIONCLEX),   NAME(TIOCOUTQ)};
inline constexpr Name clone_flags[] = {NAME(CLONE_VM),
                                       NAME(CLONE_FS),
                                       NAME(CLONE_FILES),
                                       NAME(CLONE_SIGHAND),
                                       NAME(CLONE_PTRACE),
                                       NAME(CLONE_VFORK),
                                       NAME(CLONE_PARENT),
                                       NAME(CLONE_THREAD),
                                       NAME(CLONE_NEWNS),
                                       NAME(CLONE_SYSVSEM),
                                       NAME(CLONE_SETTLS),
                                       NAME(CLONE_PARENT_SETTID),
                                       NAME(CLONE_CHILD_CLEARTID),
                                       NAME(CLONE_DETACHED),
                                       NAME(CLONE_CHILD_SETTID)};
inline constexpr Name event_flags[] = {NAME(EFD_SEMAPHORE), NAME(EFD_NONBLOCK), NAME(EFD_CLOEXEC)};
inline constexpr Name timerfd_flags[] = {NAME(TFD_NONBLOCK), NAME(TFD_CLOEXEC)};
inline constexpr Name signalfd_flags[] = {NAME(SFD_NONBLOCK), NAME(SFD_CLOEXEC)};
inline constexpr Name prctl_ops[] = {NAME(PR_SET_NAME),     NAME(PR_GET_NAME),       NAME(PR_SET_PDEATHSIG),
                                     NAME(PR_GET_DUMPABLE), NAME(PR_SET_DUMPABLE),   NAME(PR_SET_NO_NEW_PRIVS),
                                     NAME(PR_SET_VMA),      NAME(PR_SET_TIMERSLACK), NAME(PR_SET_THP_DISABLE),
                                     NAME(PR_CAPBSET_READ)};
inline constexpr Name arch_ops[] = {
    {0x1001, "ARCH_SET_GS"}, {0x1002, "ARCH_SET_FS"}, {0x1003, "ARCH_GET_FS"}, {0x1004, "ARCH_GET_GS"}};
inline constexpr Name resources[] = {
    NAME(RLIMIT_CPU),      NAME(RLIMIT_FSIZE), NAME(RLIMIT_DATA),   NAME(RLIMIT_STACK),
    NAME(RLIMIT_CORE),     NAME(RLIMIT_RSS),   NAME(RLIMIT_NPROC),  NAME(RLIMIT_NOFILE),
    NAME(RLIMIT_MEMLOCK),  NAME(RLIMIT_AS),    NAME(RLIMIT_LOCKS),  NAME(RLIMIT_SIGPENDING),
    NAME(RLIMIT_MSGQUEUE), NAME(RLIMIT_NICE),  NAME(RLIMIT_RTPRIO), NAME(RLIMIT_RTTIME)};
inline constexpr Name usage_whos[] = {NAME(RUSAGE_SELF), NAME(RUSAGE_CHILDREN), NAME(RUSAGE_THREAD)};
inline constexpr Name lock_ops[] = {NAME(LOCK_SH), NAME(LOCK_EX), NAME(LOCK_UN), NAME(LOCK_NB)};
inline constexpr Name allocate_modes[] = {NAME(FALLOC_FL_KEEP_SIZE), NAME(FALLOC_FL_PUNCH_HOLE),
                                          NAME(FALLOC_FL_COLLAPSE_RANGE), NAME(FALLOC_FL_ZERO_RANGE),
                                          NAME(FALLOC_FL_INSERT_RANGE)};
inline constexpr Name file_advices[] = {NAME(POSIX_FADV_NORMAL),     NAME(POSIX_FADV_RANDOM),
                                        NAME(POSIX_FADV_SEQUENTIAL), NAME(POSIX_FADV_WILLNEED),
                                        NAME(POSIX_FADV_DONTNEED),   NAME(POSIX_FADV_NOREUSE)};
inline constexpr Name rename_flags[] = {NAME(RENAME_NOREPLACE), NAME(RENAME_EXCHANGE), NAME(RENAME_WHITEOUT)};
inline constexpr Name memory_file_flags[] = {NAME(MFD_CLOEXEC), NAME(MFD_ALLOW_SEALING), NAME(MFD_HUGETLB)};
inline constexpr Name random_flags[] = {NAME(GRND_NONBLOCK), NAME(GRND_RANDOM), NAME(GRND_INSECURE)};
inline constexpr Name wait_flags[] = {NAME(WNOHANG), NAME(WUNTRACED), NAME(WEXITED), NAME(WCONTINUED), NAME(WNOWAIT)};
inline constexpr Name statx_masks[] = {NAME(STATX_ALL),    NAME(STATX_BASIC_STATS), NAME(STATX_TYPE), NAME(STATX_MODE),
                                       NAME(STATX_NLINK),  NAME(STATX_UID),         NAME(STATX_GID),  NAME(STATX_ATIME),
                                       NAME(STATX_MTIME),  NAME(STATX_CTIME),       NAME(STATX_INO),  NAME(STATX_SIZE),
                                       NAME(STATX_BLOCKS), NAME(STATX_BTIME)};
inline constexpr Name close_range_flags[] = {NAME(CLOSE_RANGE_UNSHARE), NAME(CLOSE_RANGE_CLOEXEC)};
inline constexpr Name barrier_ops[] = {NAME(MEMBARRIER_CMD_QUERY), NAME(MEMBARRIER_CMD_GLOBAL),
                                       NAME(MEMBARRIER_CMD_PRIVATE_EXPEDITED),
                                       NAME(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED)};
inline constexpr Name file_types[] = {NAME(S_IFSOCK), NAME(S_IFLNK), NAME(S_IFREG), NAME(S_IFBLK),
                                      NAME(S_IFDIR),  NAME(S_IFCHR), NAME(S_IFIFO)};
inline constexpr Name poll_events[] = {NAME(POLLIN),     NAME(POLLPRI),  NAME(POLLOUT),    NAME(POLLERR),
                                       NAME(POLLHUP),    NAME(POLLNVAL), NAME(POLLRDNORM), NAME(POLLRDBAND),
                                       NAME(POLLWRNORM), NAME(POLLRDHUP)};
inline constexpr Name epoll_events[] = {NAME(EPOLLIN),    NAME(EPOLLPRI),       NAME(EPOLLOUT),     NAME(EPOLLERR),
                                        NAME(EPOLLHUP),   NAME(EPOLLRDNORM),    NAME(EPOLLRDBAND),  NAME(EPOLLWRNORM),
                                        NAME(EPOLLRDHUP), NAME(EPOLLEXCLUSIVE), NAME(EPOLLONESHOT), NAME(EPOLLET)};
inline constexpr Name action_flags[] = {{0x0400'0000, "SA_RESTORER"},
                                        NAME(SA_NOCLDSTOP),
                                        NAME(SA_NOCLDWAIT),
                                        NAME(SA_SIGINFO),
                                        NAME(SA_ONSTACK),
                                        NAME(SA_RESTART),
                                        NAME(SA_NODEFER),
                                        NAME(SA_RESETHAND)};
#undef NAME

}  // namespace husk::trace
