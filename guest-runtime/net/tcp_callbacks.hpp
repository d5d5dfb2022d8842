// SPDX-License-Identifier: Apache-2.0
// What lwIP calls about a control block, always with the stack's lock held. The argument is its TcpEndpoint.
#pragma once

#include <lwip/tcp.h>

#include "guest-runtime/net/tcp_endpoint.hpp"

namespace husk::net {

struct TcpCallbacks {
    static TcpEndpoint& endpoint(void* argument) { return *static_cast<TcpEndpoint*>(argument); }

    static err_t on_received(void* argument, tcp_pcb* pcb, pbuf* chain, err_t error);
    static err_t on_acknowledged(void* argument, tcp_pcb* pcb, u16_t size_bytes);
    static err_t on_poll(void* argument, tcp_pcb* pcb);
    static err_t on_connected(void* argument, tcp_pcb* pcb, err_t error);
    // The pcb is gone already.
    static void on_failed(void* argument, err_t error);
    // lwIP frees the pcb: the reference that it held goes.
    static void on_destroyed(u8_t index, void* data);

    // Of a listener.
    static err_t on_half_open(u8_t index, tcp_pcb_listen* listening, tcp_pcb* pcb);
    static err_t on_accepted(void* argument, tcp_pcb* pcb, err_t error);

    static constexpr tcp_ext_arg_callbacks lifetime = {on_destroyed, on_half_open};
};

// A connection that was half open is gone.
void count_half_open_out();

}  // namespace husk::net
