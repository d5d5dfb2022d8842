// SPDX-License-Identifier: Apache-2.0
// All families of system calls, for the table.
#pragma once

#include "guest-runtime/syscall/clock_calls.hpp"
#include "guest-runtime/syscall/descriptor_calls.hpp"
#include "guest-runtime/syscall/futex_calls.hpp"
#include "guest-runtime/syscall/io_calls.hpp"
#include "guest-runtime/syscall/memory_calls.hpp"
#include "guest-runtime/syscall/process_calls.hpp"
#include "guest-runtime/syscall/signal_calls.hpp"
#include "guest-runtime/syscall/stat_calls.hpp"
#include "guest-runtime/syscall/thread_calls.hpp"
#include "guest-runtime/syscall/timer_calls.hpp"
