// SPDX-License-Identifier: Apache-2.0
// System calls made by a test as an application makes them.
#pragma once

#include <cstdint>
#include <string>
#include <type_traits>

#include "guest-runtime/fs/linux_stat.hpp"
#include "guest-runtime/syscall/call.hpp"

namespace husk::test {

template <class T>
std::uint64_t as_argument(T value) {
    if constexpr (std::is_null_pointer_v<T>) {
        return 0;
    } else if constexpr (std::is_pointer_v<T>) {
        return reinterpret_cast<std::uint64_t>(value);
    } else {
        return static_cast<std::uint64_t>(value);
    }
}

// What rax would hold: a value or a negated errno.
template <class... Arguments>
long call(sys::Handler handler, Arguments... arguments) {
    std::uint64_t words[6] = {as_argument(arguments)...};
    sys::Call context = {};
    context.rdi = words[0];
    context.rsi = words[1];
    context.rdx = words[2];
    context.r10 = words[3];
    context.r8 = words[4];
    context.r9 = words[5];
    return handler(context).raw();
}

constexpr long fails(Errno error) { return -static_cast<long>(error); }

// The file tree as at boot, made once for the whole program; its working directory is /.
void boot_files();

int open_file(const char* path, std::uint32_t flags, std::uint32_t mode = 0644);
void close_file(int fd);
std::string read_file(const char* path);
void write_file(const char* path, const std::string& text);
fs::LinuxStat stat_of(const char* path);

}  // namespace husk::test
