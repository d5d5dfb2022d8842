// SPDX-License-Identifier: Apache-2.0
// The structs of Linux's system calls as text, out of bytes that the guest has copied.
#pragma once

#include <string>
#include <string_view>

#include <husk/abi/call_argument.hpp>

namespace husk::trace {

// "{tv_sec=1, tv_nsec=0}". Of kinds that have memory behind them, but for those that hold bytes, texts and vectors.
[[nodiscard]] std::string struct_text(abi::Argument kind, std::string_view bytes);

// "{sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("127.0.0.1")}"
[[nodiscard]] std::string socket_address_text(std::string_view bytes);

// "[{fd=3, events=POLLIN}]", or with what became of them: "[{fd=3, revents=POLLIN}]"
[[nodiscard]] std::string polls_text(std::string_view bytes, bool is_answer, bool is_cut);

[[nodiscard]] std::string epoll_events_list_text(std::string_view bytes, bool is_cut);

}  // namespace husk::trace
