// SPDX-License-Identifier: Apache-2.0
#include "launcher/run/host_signals.hpp"

#include <atomic>
#include <cerrno>
#include <csignal>

#include "launcher/host/patience.hpp"
#include "launcher/host/signals.hpp"

namespace husk::run {

namespace {

constexpr int forwarded[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH};

std::atomic<VirtualCpus*> receiver = nullptr;
std::atomic<bool> end_was_requested = false;
std::atomic<int> second_signal = 0;

void on_signal(int number, siginfo_t*, void*) {
    const int saved_errno = errno;
    const bool asks_to_end = number == SIGTERM || number == SIGINT;
    VirtualCpus* const cpus = receiver.load();
    if (cpus == nullptr) {
        // The VM has ended. What there still is to say of it may find no reader.
        if (asks_to_end) host::limit_patience();
    } else if (asks_to_end && end_was_requested.exchange(true)) {
        second_signal.store(number);
        host::limit_patience();
        cpus->boot().control.request_stop();
    } else {
        cpus->raise_signal(number);
    }
    errno = saved_errno;
}

}  // namespace

void forward_host_signals(VirtualCpus& cpus) {
    end_was_requested.store(false);
    second_signal.store(0);
    receiver.store(&cpus);
    for (const int number : forwarded) host::handle_signal(number, on_signal);
    // What they are about is an error of the write.
    for (const int number : {SIGPIPE, SIGXFSZ}) host::ignore_signal(number);
}

int second_end_signal() { return second_signal.load(); }

void stop_forwarding_host_signals() { receiver.store(nullptr); }

}  // namespace husk::run
