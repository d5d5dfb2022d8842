// SPDX-License-Identifier: Apache-2.0
// Boost.Asio: stream_descriptor on pipes, many messages both ways, end of file.
#include <unistd.h>

#include <boost/asio.hpp>
#include <functional>
#include <string>
#include <thread>

#include "tests/guest/check.hpp"

using namespace guest_test;
namespace asio = boost::asio;

namespace {

struct Pipe {
    int ends[2] = {-1, -1};
    Pipe() { check_equal(pipe(ends), 0); }
};

}  // namespace

int main() {
    asio::io_context loop;
    const Pipe there, back;
    asio::posix::stream_descriptor out(loop, there.ends[1]), in(loop, back.ends[0]);
    std::thread echo([&] {
        char buffer[4096];
        for (;;) {
            const ssize_t got = read(there.ends[0], buffer, sizeof buffer);
            if (got <= 0) break;
            for (ssize_t done = 0; done < got;)
                done += write(back.ends[1], buffer + done, static_cast<std::size_t>(got - done));
        }
        close(back.ends[1]);
    });

    constexpr int lines = 300;
    int received = 0;
    bool ended = false;
    std::string inbox;
    std::function<void()> read_line = [&] {
        asio::async_read_until(in, asio::dynamic_buffer(inbox), '\n', [&](const auto& error, std::size_t bytes) {
            if (error) {
                check(error == asio::error::eof && inbox.empty());
                ended = true;
                return;
            }
            check_equal(inbox.substr(0, bytes), "line " + std::to_string(received) + "\n");
            inbox.erase(0, bytes);
            if (++received == lines) out.close();
            read_line();
        });
    };
    std::string outbox;
    for (int i = 0; i < lines; ++i) outbox += "line " + std::to_string(i) + "\n";
    asio::async_write(out, asio::buffer(outbox), [](const auto& error, std::size_t) { check(!error); });
    read_line();
    loop.run();
    echo.join();
    check(ended);
    check_equal(received, lines);
    passed("lines there and back, then end of file");
}
