// SPDX-License-Identifier: Apache-2.0
// One connection: requests one after the other until either side has enough.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/strand.hpp>
#include <memory>

#include "routes.hpp"

namespace service {

using Strand = boost::asio::strand<boost::asio::io_context::executor_type>;
using Socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, Strand>;

// Lets the server end a connection that waits for its next request. Used on the connection's strand only.
struct Ending {
    Socket* socket = nullptr;
    bool is_idle = false;  // no request is being answered
    bool is_wanted = false;

    void ask() {
        is_wanted = true;
        if (is_idle && socket != nullptr) socket->cancel();
    }
};

// Serves `socket` until its end; with `tls` after a handshake. `ending` outlives the coroutine.
boost::asio::awaitable<void> serve_connection(Socket socket, boost::asio::ssl::context* tls, Shared& shared,
                                              std::shared_ptr<Ending> ending);

}  // namespace service
