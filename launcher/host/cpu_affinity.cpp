// SPDX-License-Identifier: Apache-2.0
#include "launcher/host/cpu_affinity.hpp"

#include <sched.h>

#include <mutex>
#include <optional>
#include <string>

#include "launcher/host/errno_error.hpp"

namespace husk::host {

namespace {

std::mutex mutex;
std::optional<cpu_set_t> before_first_pin;  // under mutex

bool change_policy(int from, int to) {
    const sched_param none{};
    return ::sched_getscheduler(0) == from && ::sched_setscheduler(0, to, &none) == 0;
}

}  // namespace

std::vector<unsigned> allowed_cpus() {
    cpu_set_t set;
    std::vector<unsigned> cpus;
    if (::sched_getaffinity(0, sizeof set, &set) != 0) return cpus;
    for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
        if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
    }
    return cpus;
}

void pin_this_thread(unsigned cpu) {
    const std::lock_guard lock(mutex);
    if (cpu_set_t set; !before_first_pin && ::sched_getaffinity(0, sizeof set, &set) == 0) before_first_pin = set;
    cpu_set_t only;
    CPU_ZERO(&only);
    CPU_SET(cpu, &only);
    if (::sched_setaffinity(0, sizeof only, &only) != 0)
        throw errno_error("cannot bind a virtual CPU to CPU " + std::to_string(cpu));
}

void unpin_this_thread() {
    const std::lock_guard lock(mutex);
    if (before_first_pin) ::sched_setaffinity(0, sizeof *before_first_pin, &*before_first_pin);
}

bool run_this_thread_on(std::span<const unsigned> cpus) {
    cpu_set_t set;
    CPU_ZERO(&set);
    for (const unsigned cpu : cpus) CPU_SET(cpu, &set);
    return ::sched_setaffinity(0, sizeof set, &set) == 0;
}

bool let_others_finish() { return change_policy(SCHED_OTHER, SCHED_BATCH); }
void interrupt_others() { (void)change_policy(SCHED_BATCH, SCHED_OTHER); }

}  // namespace husk::host
