// SPDX-License-Identifier: Apache-2.0
// Where a debugger connects: a listening TCP port, and the one connection that it has.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "launcher/config/debug_config.hpp"
#include "launcher/debug/packet.hpp"
#include "launcher/host/file_descriptor.hpp"

namespace husk::debug {

class Connection final {
public:
    // Listens. Throws host::Error: usage for an address that is none, net_busy for a port in use, host_failure.
    explicit Connection(const config::DebugAddress& address);

    // Where, as GDB's `target remote` takes it.
    [[nodiscard]] const std::string& name() const { return name_; }

    [[nodiscard]] bool is_open() const { return peer_.is_open(); }
    // Becomes readable when there is something to do: a packet, the connection's end, a new connection.
    [[nodiscard]] int watch_fd() const { return peer_.is_open() ? peer_.get() : listener_.get(); }

    // Sleeps until there is something to do; false: is_ending, which is asked several times a second.
    [[nodiscard]] bool wait(const std::function<bool()>& is_ending) const;

    // Takes a connection that has come; false: none has. Acknowledgements are on again.
    bool try_accept();

    // What has come, without sleeping. Acknowledges packets. When the other side is gone, the connection is closed.
    [[nodiscard]] std::optional<Received> try_receive();

    // Whether Ctrl-C has come together with what was received last: the socket will not tell of it again.
    [[nodiscard]] bool is_interrupted() const { return peer_.is_open() && reader_.is_interrupted(); }

    // In a packet. A peer that is gone is noticed by the next try_receive.
    void send(std::string_view payload) const;

    void stop_acknowledging() { acknowledges_ = false; }
    void close() { peer_.close(); }

private:
    void send_all(std::string_view bytes) const;

    host::FileDescriptor listener_;
    host::FileDescriptor peer_;
    std::string name_;
    PacketReader reader_;
    bool acknowledges_ = true;
};

}  // namespace husk::debug
