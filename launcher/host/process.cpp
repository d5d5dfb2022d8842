// SPDX-License-Identifier: Apache-2.0
#include "launcher/host/process.hpp"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <cstddef>
#include <cstdint>

namespace husk::host {

namespace {

constexpr int longest_wait_ms = 1000;

alignas(16) std::byte helper_stack[16384];

// Runs in the helper. The standard streams are closed first: a reader must see the end of output now.
int outlive_parent(void* pid_fd) {
    ::close(0);
    ::close(1);
    ::close(2);
    pollfd parent{static_cast<int>(reinterpret_cast<std::intptr_t>(pid_fd)), POLLIN, 0};
    ::poll(&parent, 1, longest_wait_ms);
    ::_exit(0);
}

}  // namespace

void use_small_stacks() {
    pthread_attr_t attributes;
    if (::pthread_attr_init(&attributes) != 0) return;
    // Where it fails, stacks are large: no harm but memory.
    if (::pthread_attr_setstacksize(&attributes, thread_stack_bytes) == 0) ::pthread_setattr_default_np(&attributes);
    ::pthread_attr_destroy(&attributes);
}

void leave_process(int exit_code) {
    const int pid_fd = static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0));
    if (pid_fd >= 0) {
        sigset_t all;
        ::sigfillset(&all);
        ::sigprocmask(SIG_SETMASK, &all, nullptr);  // inherited: Ctrl-C must not end the helper early
        // SAFETY: the number travels through the pointer argument and is never dereferenced.
        ::clone(outlive_parent, helper_stack + sizeof helper_stack, CLONE_VM | CLONE_FILES | CLONE_FS,
                reinterpret_cast<void*>(static_cast<std::intptr_t>(pid_fd)));
    }
    ::_exit(exit_code);
}

}  // namespace husk::host
