// SPDX-License-Identifier: Apache-2.0
// All families of system calls, for the table.
#pragma once

#include "guest-runtime/syscall/attribute_calls.hpp"
#include "guest-runtime/syscall/clock_calls.hpp"
#include "guest-runtime/syscall/content_calls.hpp"
#include "guest-runtime/syscall/descriptor_calls.hpp"
#include "guest-runtime/syscall/directory_calls.hpp"
#include "guest-runtime/syscall/epoll_calls.hpp"
#include "guest-runtime/syscall/event_calls.hpp"
#include "guest-runtime/syscall/futex_calls.hpp"
#include "guest-runtime/syscall/io_calls.hpp"
#include "guest-runtime/syscall/memory_calls.hpp"
#include "guest-runtime/syscall/mount_calls.hpp"
#include "guest-runtime/syscall/name_calls.hpp"
#include "guest-runtime/syscall/open_calls.hpp"
#include "guest-runtime/syscall/poll_calls.hpp"
#include "guest-runtime/syscall/process_calls.hpp"
#include "guest-runtime/syscall/signal_calls.hpp"
#include "guest-runtime/syscall/stat_calls.hpp"
#include "guest-runtime/syscall/thread_calls.hpp"
#include "guest-runtime/syscall/timer_calls.hpp"
#include "guest-runtime/syscall/xattr_calls.hpp"
