// SPDX-License-Identifier: Apache-2.0
#include "launcher/control/client.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

#include <boost/json/parse.hpp>

#include "launcher/config/text.hpp"
#include "launcher/control/vm_name.hpp"
#include "launcher/host/clock.hpp"
#include "launcher/host/errno_error.hpp"

namespace husk::control {

namespace {

using config::fill_in;

constexpr int answer_timeout_ms = 5000;
constexpr std::size_t answer_max_bytes = 1 << 20;

host::Error gone(const std::string& name) {
    return {host::ExitCode::no_such_vm, fill_in("no VM named {} runs: 'husk ps' lists those that do", name)};
}

bool wait_readable(int fd, int timeout_ms) {
    pollfd waiting{fd, POLLIN, 0};
    return ::poll(&waiting, 1, timeout_ms) > 0;
}

}  // namespace

Client::Client(const std::string& name) : name_(name), socket_(try_connect(name)) {
    if (!socket_.is_open()) throw gone(name);
}

std::string Client::read_line() {
    std::array<char, 4096> bytes;
    for (;;) {
        if (const std::size_t end = received_.find('\n'); end != std::string::npos) {
            std::string line = received_.substr(0, end);
            received_.erase(0, end + 1);
            return line;
        }
        if (!wait_readable(socket_.get(), answer_timeout_ms))
            throw host::Error(host::ExitCode::no_such_vm, fill_in("the VM {} does not answer", name_));
        const ssize_t count = ::recv(socket_.get(), bytes.data(), bytes.size(), 0);
        if (count < 0 && (errno == EAGAIN || errno == EINTR)) continue;
        if (count <= 0 || received_.size() > answer_max_bytes) throw gone(name_);
        received_.append(bytes.data(), static_cast<std::size_t>(count));
    }
}

boost::json::object Client::ask(const Request& request) {
    const std::string line = request_line(request);
    if (::send(socket_.get(), line.data(), line.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(line.size()))
        throw gone(name_);
    boost::system::error_code error;
    const boost::json::value value = boost::json::parse(read_line(), error);
    const boost::json::object* answer = error ? nullptr : value.if_object();
    const boost::json::value* is_done = answer != nullptr ? answer->if_contains("ok") : nullptr;
    if (is_done == nullptr || !is_done->is_bool())
        throw host::Error(host::ExitCode::no_such_vm, fill_in("what answers as the VM {} is not husk", name_));
    if (!is_done->get_bool()) {
        const boost::json::value* why = answer->if_contains("error");
        const std::string sentence = why != nullptr && why->is_string() ? std::string(why->get_string()) : "no reason";
        throw host::Error(host::ExitCode::host_failure, fill_in("the VM {} refuses: {}", name_, sentence));
    }
    return *answer;
}

bool Client::wait_for_end(int timeout_ms) {
    const std::uint64_t deadline_ns = host::monotonic_ns() + static_cast<std::uint64_t>(timeout_ms) * 1'000'000;
    std::array<char, 4096> bytes;
    for (;;) {
        const std::uint64_t now_ns = host::monotonic_ns();
        if (now_ns >= deadline_ns) return false;
        if (!wait_readable(socket_.get(), static_cast<int>((deadline_ns - now_ns) / 1'000'000) + 1)) continue;
        const ssize_t count = ::recv(socket_.get(), bytes.data(), bytes.size(), 0);
        if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) return true;
    }
}

std::optional<boost::json::object> try_ask(const std::string& name, const Request& request) {
    try {
        return Client(name).ask(request);
    } catch (const host::Error& error) {
        if (error.code() == host::ExitCode::no_such_vm) return std::nullopt;
        throw;
    }
}

}  // namespace husk::control
