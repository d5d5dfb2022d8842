// SPDX-License-Identifier: Apache-2.0
#include "session.hpp"

#include <array>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <chrono>
#include <string>
#include <utility>

namespace service {

namespace asio = boost::asio;
namespace beast = boost::beast;
using asio::use_awaitable;
using beast::error_code;

namespace {

using Plain = beast::basic_stream<asio::ip::tcp, Strand>;
using Tls = beast::ssl_stream<Plain>;

constexpr auto goodbye_limit = std::chrono::seconds(1);
constexpr auto idle_limit = std::chrono::seconds(60);
constexpr std::size_t largest_header_bytes = 16 << 10;
constexpr std::size_t most_drained_bytes = 64 << 20;
constexpr auto stream_pause = std::chrono::milliseconds(100);
constexpr unsigned most_stream_lines = 1000;

// One chunk for each line, with a pause between them.
template <class Stream>
asio::awaitable<void> stream_lines(Stream& stream, const Request& request) {
    const unsigned lines = number_in_query(request.target(), "lines", 10, most_stream_lines);
    http::response<http::empty_body> head(http::status::ok, request.version());
    head.set(http::field::content_type, "text/plain; charset=utf-8");
    head.keep_alive(request.keep_alive());
    head.chunked(true);
    http::response_serializer<http::empty_body> serializer(head);
    co_await http::async_write_header(stream, serializer, use_awaitable);
    asio::steady_timer timer(co_await asio::this_coro::executor);
    for (unsigned i = 1; i <= lines; ++i) {
        const std::string line = "line " + std::to_string(i) + "\n";
        beast::get_lowest_layer(stream).expires_after(idle_limit);
        co_await asio::async_write(stream, http::make_chunk(asio::buffer(line)), use_awaitable);
        if (i == lines) break;
        timer.expires_after(stream_pause);
        co_await timer.async_wait(use_awaitable);
    }
    co_await asio::async_write(stream, http::make_chunk_last(), use_awaitable);
}

// Reads what the client still sends: closing before that would reset the connection, and the answer with it.
template <class Stream>
asio::awaitable<void> drain(Stream& stream) {
    std::array<char, 16 << 10> unwanted;
    error_code error;
    for (std::size_t total = 0; !error && total < most_drained_bytes;) {
        total += co_await stream.async_read_some(asio::buffer(unwanted), asio::redirect_error(use_awaitable, error));
    }
}

// Empty: the connection has ended.
template <class Stream>
asio::awaitable<std::optional<Request>> read_request(Stream& stream, beast::flat_buffer& buffer, Ending& ending) {
    http::request_parser<http::string_body> parser;
    parser.header_limit(largest_header_bytes);
    parser.body_limit(KeyValueStore::max_value_bytes);
    beast::get_lowest_layer(stream).expires_after(idle_limit);
    error_code error;
    ending.is_idle = true;
    co_await http::async_read(stream, buffer, parser, asio::redirect_error(use_awaitable, error));
    ending.is_idle = false;
    if (error == http::error::body_limit || error == http::error::header_limit) {
        const auto status = error == http::error::body_limit ? http::status::payload_too_large
                                                             : http::status::request_header_fields_too_large;
        Request request = parser.release();
        request.keep_alive(false);
        const Response response = make_response(request, status, "too large\n");
        co_await http::async_write(stream, response, use_awaitable);
        co_await drain(stream);
        co_return std::nullopt;
    }
    if (error) co_return std::nullopt;
    co_return parser.release();
}

template <class Stream>
asio::awaitable<void> serve_requests(Stream& stream, Shared& shared, Ending& ending) {
    beast::flat_buffer buffer;
    while (!ending.is_wanted) {
        auto request = co_await read_request(stream, buffer, ending);
        if (!request) co_return;
        if (request->method() == http::verb::get && path_of(request->target()) == "/stream") {
            co_await stream_lines(stream, *request);
            if (!request->keep_alive()) co_return;
            continue;
        }
        Response response = co_await answer(*request, shared);
        if (ending.is_wanted) response.keep_alive(false);
        if (request->method() == http::verb::head) {
            http::response_serializer<http::string_body> serializer(response);
            co_await http::async_write_header(stream, serializer, use_awaitable);
        } else {
            co_await http::async_write(stream, response, use_awaitable);
        }
        if (!response.keep_alive()) co_return;
    }
}

}  // namespace

asio::awaitable<void> serve_connection(Socket socket, asio::ssl::context* tls, Shared& shared,
                                       std::shared_ptr<Ending> ending) {
    ++shared.metrics.connections;
    ++shared.metrics.open_connections;
    try {
        error_code ignored;
        socket.set_option(asio::ip::tcp::no_delay(true), ignored);
        if (tls == nullptr) {
            Plain stream(std::move(socket));
            ending->socket = &stream.socket();
            co_await serve_requests(stream, shared, *ending);
        } else {
            Tls stream(Plain(std::move(socket)), *tls);
            ending->socket = &beast::get_lowest_layer(stream).socket();
            beast::get_lowest_layer(stream).expires_after(idle_limit);
            co_await stream.async_handshake(asio::ssl::stream_base::server, use_awaitable);
            co_await serve_requests(stream, shared, *ending);
            // Without a goodbye a client cannot tell the end of an answer from an attack [rfc8446 6.1].
            beast::get_lowest_layer(stream).expires_after(goodbye_limit);
            co_await stream.async_shutdown(asio::redirect_error(use_awaitable, ignored));
        }
    } catch (const boost::system::system_error&) {
        // The client is gone, or does not speak the protocol: either way this connection has ended.
    }
    ending->socket = nullptr;
    --shared.metrics.open_connections;
}

}  // namespace service
