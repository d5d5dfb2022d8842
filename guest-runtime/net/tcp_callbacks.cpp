// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/net/tcp_callbacks.hpp"

#include <utility>

#include <lwip/tcp.h>

#include "guest-runtime/net/tcp_endpoint.hpp"
#include "guest-runtime/net/tcp_table.hpp"

namespace husk::net {

err_t TcpCallbacks::on_received(void* argument, tcp_pcb*, pbuf* chain, err_t) {
    TcpEndpoint& end = endpoint(argument);
    if (chain != nullptr) {
        end.received_.append(chain);
    } else {
        end.peer_ended_.store(true, std::memory_order_release);
        end.reading_ended_.store(true, std::memory_order_release);
    }
    if (end.deferred_for_) end.announce_deferred();
    end.waiters_.wake_reader();
    if (chain == nullptr) end.waiters_.writers.wake_all();
    return ERR_OK;
}

err_t TcpCallbacks::on_acknowledged(void* argument, tcp_pcb* pcb, u16_t size_bytes) {
    TcpEndpoint& end = endpoint(argument);
    std::size_t freed = end.unacknowledged_.acknowledge(size_bytes);
    end.outstanding_bytes_.fetch_sub(freed, std::memory_order_seq_cst);
    end.write_rest(*pcb);
    if (freed != 0 && end.wants_room_.exchange(false, std::memory_order_seq_cst)) end.waiters_.wake_writers();
    return ERR_OK;
}

err_t TcpCallbacks::on_poll(void* argument, tcp_pcb* pcb) {
    TcpEndpoint& end = endpoint(argument);
    end.write_rest(*pcb);
    tcp_output(pcb);
    return ERR_OK;
}

err_t TcpCallbacks::on_connected(void* argument, tcp_pcb* pcb, err_t) {
    TcpEndpoint& end = endpoint(argument);
    end.local_ = {pcb->local_ip, pcb->local_port};
    end.state_.store(TcpEndpoint::State::connected, std::memory_order_release);
    end.open_window(*pcb);
    end.write_rest(*pcb);
    end.waiters_.wake_all();
    return ERR_OK;
}

// The pcb is gone already.
void TcpCallbacks::on_failed(void* argument, err_t error) {
    TcpEndpoint& end = endpoint(argument);
    bool was_connecting = end.state() == TcpEndpoint::State::connecting;
    Errno why = errno_of(error);
    if (error == ERR_RST && was_connecting) why = Errno::econnrefused;
    // In CLOSE-WAIT only what is sent can be lost.
    if (error == ERR_RST && end.has_peer_ended() && !end.has_ended_writing()) why = Errno::epipe;
    if (error == ERR_ABRT && end.soft_error_ != 0) why = static_cast<Errno>(end.soft_error_);
    if (error == ERR_CLSD) {  // both sides had closed: no error
        end.pcb_ = nullptr;
        end.writing_ended_.store(true, std::memory_order_release);
        end.waiters_.wake_all();
        return;
    }
    end.is_refused_ = end.state() != TcpEndpoint::State::connected;
    end.end_with(why);
    if (!end.deferred_for_) return;
    end.deferred_for_ = {};
    end.release();
}

// lwIP frees the pcb: the reference that it held goes.
void TcpCallbacks::on_destroyed(u8_t, void* data) {
    if (data == nullptr) {
        count_half_open_out();
        note_connection_ended();
        return;
    }
    TcpEndpoint& end = endpoint(data);
    end.pcb_ = nullptr;
    if (std::exchange(end.is_counted_, false)) note_connection_ended();
    end.release();
}

}  // namespace husk::net
