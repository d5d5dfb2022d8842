// SPDX-License-Identifier: Apache-2.0
#include "server.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <exception>
#include <utility>

namespace service {

namespace asio = boost::asio;
using asio::use_awaitable;

Server::Server(asio::io_context& context, const asio::ip::tcp::endpoint& endpoint, asio::ssl::context* tls,
               Shared& shared)
    : context_(context), strand_(context.get_executor()), acceptor_(strand_), tls_(tls), shared_(shared) {
    acceptor_.open(endpoint.protocol());
    acceptor_.set_option(asio::socket_base::reuse_address(true));
    acceptor_.bind(endpoint);
    acceptor_.listen();
    asio::co_spawn(strand_, accept(), asio::detached);
}

void Server::stop() {
    asio::post(strand_, [this] { acceptor_.close(); });
    const std::lock_guard guard(lock_);
    for (const Connection& connection : connections_) {
        asio::post(connection.strand, [ending = connection.ending] { ending->ask(); });
    }
}

asio::awaitable<void> Server::accept() {
    constexpr auto breath = std::chrono::milliseconds(50);
    while (acceptor_.is_open()) {
        const Strand strand(context_.get_executor());
        Socket socket(strand);
        boost::system::error_code error;
        co_await acceptor_.async_accept(socket, asio::redirect_error(use_awaitable, error));
        if (!error) {
            start(std::move(socket), strand);
        } else if (acceptor_.is_open()) {  // out of descriptors, or the client was quicker than we
            asio::steady_timer timer(strand_, breath);
            co_await timer.async_wait(use_awaitable);
        }
    }
}

void Server::start(Socket socket, const Strand& strand) {
    const std::lock_guard guard(lock_);
    const auto place = connections_.insert(connections_.end(), {strand, std::make_shared<Ending>()});
    asio::co_spawn(strand, serve_connection(std::move(socket), tls_, shared_, place->ending),
                   [this, place](const std::exception_ptr&) {
                       const std::lock_guard end_guard(lock_);
                       connections_.erase(place);
                   });
}

}  // namespace service
