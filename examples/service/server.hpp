// SPDX-License-Identifier: Apache-2.0
// Accepts connections on one port, and ends them all when asked.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <list>
#include <memory>
#include <mutex>

#include "session.hpp"

namespace service {

class Server {
public:
    // Listens at once. tls: null for plain HTTP. Throws boost::system::system_error.
    Server(boost::asio::io_context& context, const boost::asio::ip::tcp::endpoint& endpoint,
           boost::asio::ssl::context* tls, Shared& shared);

    // No new connections; those that wait for a request end now, the others after their answer.
    void stop();

private:
    boost::asio::awaitable<void> accept();
    void start(Socket socket, const Strand& strand);

    struct Connection {
        Strand strand;
        std::shared_ptr<Ending> ending;
    };

    boost::asio::io_context& context_;
    Strand strand_;
    boost::asio::basic_socket_acceptor<boost::asio::ip::tcp, Strand> acceptor_;
    boost::asio::ssl::context* tls_;
    Shared& shared_;
    std::mutex lock_;
    std::list<Connection> connections_;
};

}  // namespace service
