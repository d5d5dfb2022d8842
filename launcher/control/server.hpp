// SPDX-License-Identifier: Apache-2.0
// Answers the clients of a VM's control socket, on the event loop's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "launcher/control/request.hpp"
#include "launcher/control/vm_name.hpp"
#include "launcher/event/event_loop.hpp"
#include "launcher/host/file_descriptor.hpp"

namespace husk::control {

class Server final {
public:
    // Gives the line that answers a request, with its line end.
    using Answer = std::function<std::string(const Request&)>;

    // The loop's thread; the loop ends before this object does.
    Server(event::EventLoop& loop, NameClaim claim, Answer answer);

    [[nodiscard]] const std::string& name() const { return claim_.name(); }

private:
    struct Client {
        host::FileDescriptor socket;
        std::string received;
        std::uint64_t arrival = 0;  // counts up
        bool has_asked = false;
    };

    void accept_clients();
    // Gives up the first of the clients that never asked; false: all have.
    [[nodiscard]] bool make_room();
    void read_from(int fd);
    // false: the client is to go.
    [[nodiscard]] bool serve(Client& client);
    [[nodiscard]] bool answer_lines(Client& client);

    event::EventLoop& loop_;
    NameClaim claim_;
    Answer answer_;
    std::map<int, Client> clients_;
    std::uint64_t last_arrival_ = 0;
};

}  // namespace husk::control
