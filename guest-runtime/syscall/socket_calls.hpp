// SPDX-License-Identifier: Apache-2.0
// socket(2), connections and names, options.
#pragma once

#include "guest-runtime/net/address.hpp"
#include "guest-runtime/syscall/call.hpp"

namespace husk::sys {

SysResult sys_socket(const Call& call);
SysResult sys_socketpair(const Call& call);
SysResult sys_bind(const Call& call);
SysResult sys_connect(const Call& call);
SysResult sys_listen(const Call& call);
SysResult sys_accept(const Call& call);
SysResult sys_accept4(const Call& call);
SysResult sys_getsockname(const Call& call);
SysResult sys_getpeername(const Call& call);
SysResult sys_shutdown(const Call& call);
SysResult sys_setsockopt(const Call& call);
SysResult sys_getsockopt(const Call& call);

// The application's sockaddr. EINVAL for a length that none has, EFAULT.
Result<net::Address> load_address(std::uint64_t user_address, std::int32_t size_bytes);
// What fits into the room that *size says; *size becomes the whole length.
Result<> store_address(const net::Address& address, std::uint64_t user_address, UserPtr<std::int32_t> size);

}  // namespace husk::sys
