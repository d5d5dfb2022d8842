// SPDX-License-Identifier: Apache-2.0
// An HTTP/1.1 service in plain Boost.Asio: the same file serves as a Linux process and as a virtual machine.
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/ssl/context.hpp>
#include <csignal>
#include <exception>
#include <iostream>
#include <optional>
#include <stdexcept>
#include <thread>
#include <vector>

#include "options.hpp"
#include "server.hpp"

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

tcp::endpoint endpoint_of(const service::Options& options, std::uint16_t port) {
    return {asio::ip::make_address(options.address), port};
}

void run(const service::Options& options) {
    service::Shared shared{service::KeyValueStore(options.data), options.files, {}};
    asio::io_context context(static_cast<int>(options.threads));
    service::Server server(context, endpoint_of(options, options.port), nullptr, shared);

    asio::ssl::context tls(asio::ssl::context::tls_server);
    std::optional<service::Server> tls_server;
    if (options.tls_port != 0) {
        tls.use_certificate_chain_file(options.certificate->string());
        tls.use_private_key_file(options.private_key->string(), asio::ssl::context::pem);
        tls_server.emplace(context, endpoint_of(options, options.tls_port), &tls, shared);
    }

    asio::signal_set signals(context, SIGTERM, SIGINT);
    signals.async_wait([&](const boost::system::error_code& error, int) {
        if (error) return;
        server.stop();
        if (tls_server) tls_server->stop();
    });
    std::cout << "serving http://" << options.address << ":" << options.port << "/" << std::endl;

    std::vector<std::jthread> helpers;
    for (std::size_t i = 1; i < options.threads; ++i) helpers.emplace_back([&] { context.run(); });
    context.run();
    helpers.clear();
    shared.disk_threads.join();
    std::cout << "served " << shared.metrics.requests << " requests" << std::endl;
}

}  // namespace

int main(int count, char** words) {
    try {
        const service::Options options = service::parse_options(count, words);
        if (options.help) {
            std::cout << service::usage;
            return 0;
        }
        run(options);
        return 0;
    } catch (const std::invalid_argument& error) {
        std::cerr << "service: " << error.what() << "\n" << service::usage;
        return 2;
    } catch (const std::exception& error) {
        std::cerr << "service: " << error.what() << "\n";
        return 1;
    }
}
