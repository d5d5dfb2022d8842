// SPDX-License-Identifier: Apache-2.0
// Boost.Asio: TCP and UDP echo over loopback with coroutines and a resolver, several clients at once.
#include <boost/asio.hpp>
#include <string>
#include <vector>

#include "tests/guest/check.hpp"

using namespace guest_test;
namespace asio = boost::asio;
using asio::awaitable;
using asio::use_awaitable;
using asio::ip::tcp;
using asio::ip::udp;

namespace {

awaitable<void> echo(tcp::socket socket) {
    try {
        std::vector<char> buffer(16384);
        for (;;) {
            const std::size_t size = co_await socket.async_read_some(asio::buffer(buffer), use_awaitable);
            co_await asio::async_write(socket, asio::buffer(buffer, size), use_awaitable);
        }
    } catch (const boost::system::system_error& error) {
        check(error.code() == asio::error::eof);
    }
}

awaitable<void> serve(tcp::acceptor& acceptor, int clients) {
    for (int i = 0; i < clients; ++i) {
        asio::co_spawn(acceptor.get_executor(), echo(co_await acceptor.async_accept(use_awaitable)), asio::detached);
    }
}

awaitable<void> talk(tcp::endpoint server, int number, int& finished) {
    tcp::socket socket(co_await asio::this_coro::executor);
    co_await socket.async_connect(server, use_awaitable);
    socket.set_option(tcp::no_delay(true));
    for (int round = 0; round < 20; ++round) {
        const std::string sent(static_cast<std::size_t>(1 + number * 97 + round * 1013),
                               static_cast<char>('a' + round));
        std::string received(sent.size(), '\0');
        co_await asio::async_write(socket, asio::buffer(sent), use_awaitable);
        co_await asio::async_read(socket, asio::buffer(received), use_awaitable);
        check(received == sent);
    }
    socket.shutdown(tcp::socket::shutdown_send);
    boost::system::error_code end;
    char byte = 0;
    co_await socket.async_read_some(asio::buffer(&byte, 1), asio::redirect_error(use_awaitable, end));
    check(end == asio::error::eof);
    ++finished;
}

void tcp_echo() {
    constexpr int clients = 25;
    asio::io_context loop;
    tcp::acceptor acceptor(loop, {asio::ip::address_v4::loopback(), 0});
    int finished = 0;
    asio::co_spawn(loop, serve(acceptor, clients), asio::detached);
    for (int i = 0; i < clients; ++i) {
        asio::co_spawn(loop, talk(acceptor.local_endpoint(), i, finished), [](const std::exception_ptr& thrown) {
            if (thrown) std::rethrow_exception(thrown);
        });
    }
    loop.run();
    check_equal(finished, clients);
}

void udp_echo() {
    asio::io_context loop;
    udp::socket server(loop, {asio::ip::address_v6::loopback(), 0}), client(loop, udp::v6());
    std::vector<char> request(2000), answer(2000);
    udp::endpoint from;
    int answered = 0;
    std::function<void()> receive = [&] {
        server.async_receive_from(asio::buffer(request), from, [&](const auto& error, std::size_t size) {
            check(!error);
            server.send_to(asio::buffer(request, size), from);
            if (answered < 99) receive();
        });
    };
    std::function<void()> ask = [&] {
        const std::string text = "question " + std::to_string(answered);
        client.send_to(asio::buffer(text), server.local_endpoint());
        client.async_receive(asio::buffer(answer), [&, text](const auto& error, std::size_t size) {
            check(!error);
            check_equal(std::string(answer.data(), size), text);
            if (++answered < 100) ask();
        });
    };
    receive();
    ask();
    loop.run();
    check_equal(answered, 100);
}

void refusals() {
    asio::io_context loop;
    tcp::acceptor acceptor(loop, {asio::ip::address_v4::loopback(), 0});
    const tcp::endpoint gone = acceptor.local_endpoint();
    acceptor.close();
    tcp::socket socket(loop);
    boost::system::error_code result;
    socket.async_connect(gone, [&](const auto& error) { result = error; });
    loop.run();
    check(result == asio::error::connection_refused);
}

void cancelling() {
    asio::io_context loop;
    udp::socket socket(loop, {asio::ip::address_v4::loopback(), 0});
    asio::steady_timer timer(loop, std::chrono::milliseconds(10));
    char byte = 0;
    boost::system::error_code result;
    socket.async_receive(asio::buffer(&byte, 1), [&](const auto& error, std::size_t) { result = error; });
    timer.async_wait([&](const auto&) { socket.cancel(); });
    loop.run();
    check(result == asio::error::operation_aborted);
}

void resolving() {
    asio::io_context loop;
    tcp::resolver resolver(loop);
    bool found = false;
    for (const auto& entry : resolver.resolve("localhost", "80", tcp::resolver::numeric_service)) {
        found = found || (entry.endpoint().address().is_loopback() && entry.endpoint().port() == 80);
    }
    check(found);
}

}  // namespace

int main() {
    tcp_echo();
    passed("25 clients of a TCP echo");
    udp_echo();
    passed("UDP echo");
    refusals();
    passed("a refused connection");
    cancelling();
    passed("cancelling");
    resolving();
    passed("resolving localhost");
}
