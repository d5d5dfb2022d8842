// SPDX-License-Identifier: Apache-2.0
#include "routes.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <exception>
#include <string>
#include <utility>

#include "file_route.hpp"

namespace service {

namespace asio = boost::asio;
using asio::use_awaitable;
using http::status;
using http::verb;

namespace {

constexpr unsigned longest_wait_ms = 60'000;

// Runs `work` where it may block, and goes on here with what it gave.
template <class Work>
auto on_disk_thread(Shared& shared, Work work) -> asio::awaitable<decltype(work())> {
    co_return co_await asio::co_spawn(
        shared.disk_threads, [work]() mutable -> asio::awaitable<decltype(work())> { co_return work(); },
        use_awaitable);
}

Response show_metrics(const Request& request, Shared& shared) {
    std::string text;
    const auto line = [&](std::string_view name, std::string_view type, std::uint64_t value) {
        text.append("# TYPE ").append(name).append(" ").append(type).append("\n");
        text.append(name).append(" ").append(std::to_string(value)).append("\n");
    };
    line("service_connections_total", "counter", shared.metrics.connections);
    line("service_connections_open", "gauge", shared.metrics.open_connections);
    line("service_requests_total", "counter", shared.metrics.requests);
    line("service_server_errors_total", "counter", shared.metrics.server_errors);
    line("service_keys", "gauge", shared.store.size());
    return make_response(request, status::ok, std::move(text), "text/plain; version=0.0.4");
}

asio::awaitable<Response> use_store(const Request& request, std::string key, Shared& shared) {
    if (key.empty() || key.size() > KeyValueStore::max_key_bytes) {
        co_return make_response(request, status::bad_request, "a key has 1 to 1024 bytes\n");
    }
    switch (request.method()) {
        case verb::get:
        case verb::head: {
            auto value = shared.store.get(key);
            if (!value) co_return make_response(request, status::not_found, "no such key\n");
            co_return make_response(request, status::ok, std::move(*value), "application/octet-stream");
        }
        case verb::put: {
            co_await on_disk_thread(shared, [&] {
                shared.store.put(key, request.body());
                return true;
            });
            co_return make_response(request, status::no_content, "");
        }
        case verb::delete_: {
            const bool existed = co_await on_disk_thread(shared, [&] { return shared.store.remove(key); });
            if (!existed) co_return make_response(request, status::not_found, "no such key\n");
            co_return make_response(request, status::no_content, "");
        }
        default:
            co_return refuse_method(request, "GET, HEAD, PUT, DELETE");
    }
}

asio::awaitable<Response> wait_a_while(const Request& request) {
    const unsigned wait_ms = number_in_query(request.target(), "ms", 1000, longest_wait_ms);
    asio::steady_timer timer(co_await asio::this_coro::executor, std::chrono::milliseconds(wait_ms));
    co_await timer.async_wait(use_awaitable);
    co_return make_response(request, status::ok, "waited " + std::to_string(wait_ms) + " ms\n");
}

asio::awaitable<Response> choose(const Request& request, Shared& shared) {
    const std::string_view path = path_of(request.target());
    if (path.starts_with("/kv/")) co_return co_await use_store(request, std::string(path.substr(4)), shared);
    if (request.method() != verb::get && request.method() != verb::head) co_return refuse_method(request, "GET, HEAD");
    if (path == "/") co_return make_response(request, status::ok, "Hello, world\n");
    if (path == "/metrics") co_return show_metrics(request, shared);
    if (path == "/slow") co_return co_await wait_a_while(request);
    if (path.starts_with("/files/") && shared.files) {
        co_return co_await on_disk_thread(shared, [&] { return serve_file(request, *shared.files, path.substr(7)); });
    }
    co_return make_response(request, status::not_found, "there is nothing here\n");
}

}  // namespace

asio::awaitable<Response> answer(const Request& request, Shared& shared) {
    ++shared.metrics.requests;
    std::string why;
    try {
        co_return co_await choose(request, shared);
    } catch (const std::exception& error) {
        why = error.what();
    }
    ++shared.metrics.server_errors;
    co_return make_response(request, status::internal_server_error, why + "\n");
}

}  // namespace service
