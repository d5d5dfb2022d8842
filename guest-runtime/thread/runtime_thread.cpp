// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/thread/runtime_thread.hpp"

#include "guest-runtime/arch/entry.hpp"
#include "guest-runtime/base/panic.hpp"
#include "guest-runtime/thread/first_frame.hpp"
#include "guest-runtime/thread/scheduler.hpp"
#include "guest-runtime/thread/thread.hpp"

namespace husk::thread {

Result<> start_runtime_thread(void (*body)(void*), void* argument) {
    Thread& thread = *HUSK_TRY(create_thread());
    lay_first_runtime_frame(thread, body, argument);
    thread.vcpu = vcpu_index();
    Guard guard(thread.lock);
    enqueue(thread);
    return {};
}

}  // namespace husk::thread

extern "C" void husk_end_runtime_thread() {
    using namespace husk::thread;
    Thread& self = current();
    self.lock.lock();
    self.state = State::dead;
    switch_away(self);
    husk::panic("a dead thread ran");
}
