// SPDX-License-Identifier: Apache-2.0
#include "launcher/qemu/run_qemu.hpp"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <optional>
#include <string>

#include "launcher/host/errno_error.hpp"
#include "launcher/host/patience.hpp"
#include "launcher/qemu/control_frames.hpp"
#include "launcher/qemu/machine.hpp"
#include "launcher/qemu/output_pump.hpp"
#include "launcher/qemu/status_lines.hpp"
#include "launcher/qemu/stream_facts.hpp"

namespace husk::qemu {

namespace {

using Clock = std::chrono::steady_clock;
using host::ExitCode;

constexpr std::array forwarded_signals{SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH};

constexpr std::chrono::milliseconds trace_period(100);

// These signals, and QEMU's end, become bytes to read. They stay blocked: the launcher ends with the run.
host::FileDescriptor watch_signals() {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : forwarded_signals) sigaddset(&set, signal);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, nullptr);
    signal(SIGPIPE, SIG_IGN);
    host::FileDescriptor watch(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!watch.is_open()) throw host::errno_error("cannot watch for signals");
    return watch;
}

class Session final {
public:
    Session(Machine machine, std::optional<std::chrono::milliseconds> timeout, const Hooks& hooks)
        : signals_(watch_signals()), machine_(std::move(machine)), hooks_(hooks) {
        if (timeout) deadline_ = Clock::now() + *timeout;
    }

    Ending run() {
        tell_of_helpers();  // of those that ended before anybody watched
        while (!is_over()) wait_and_serve();
        if (panicked_) throw host::Error(ExitCode::runtime_panic, "the guest runtime failed, as it says above");
        if (!ending_) {
            throw host::Error(
                ExitCode::guest_fault,
                "QEMU ended before the guest said how: the guest died of a triple fault, or QEMU failed as it "
                "says above");
        }
        return *ending_;
    }

private:
    [[nodiscard]] bool is_over() {
        if (killed_) return true;
        return output_.is_finished() && error_.is_finished() && serial_.is_finished() && status_ended_ &&
               (trace_ended_ || !hooks_.on_trace) && machine_.try_reap();
    }

    void wait_and_serve() {
        Channels& channels = machine_.channels();
        const bool send = !to_send_.empty();
        std::array<pollfd, 8> watched{
            pollfd{signals_.get(), POLLIN, 0},
            pollfd{status_ended_ ? -1 : channels.status.get(), POLLIN, 0},
            pollfd{send ? channels.control.get() : -1, POLLOUT, 0},
            pollfd{wanted_bytes_ != 0 && !send ? STDIN_FILENO : -1, POLLIN, 0},
            output_.interest(),
            error_.interest(),
            serial_.interest(),
            pollfd{trace_ended_ ? -1 : channels.trace.get(), POLLIN, 0},
        };
        if (poll(watched.data(), watched.size(), wait_ms()) < 0 && errno != EINTR) {
            throw host::errno_error("cannot wait for QEMU");
        }
        if (hooks_.on_trace_period && Clock::now() >= next_trace_period_) {
            hooks_.on_trace_period();
            next_trace_period_ = Clock::now() + trace_period;
        }
        const auto ready = [&](std::size_t index) { return watched[index].revents != 0; };
        if (deadline_ && Clock::now() >= *deadline_) on_timeout();
        if (ready(0)) on_signals();
        if (ready(1)) on_status();
        if (ready(2)) on_room_to_send();
        if (ready(3)) on_input();
        // A reader that is gone is SIGPIPE to a process; so it is to the guest, which cannot see EPIPE through a port.
        if (ready(4) && !output_.on_ready()) to_send_ += make_signal_frame(SIGPIPE);
        if (ready(5) && !error_.on_ready()) to_send_ += make_signal_frame(SIGPIPE);
        if (ready(6)) static_cast<void>(serial_.on_ready());
        if (ready(7)) on_trace();
    }

    [[nodiscard]] int wait_ms() const {
        constexpr int period_ms = static_cast<int>(trace_period.count());
        if (!deadline_) return hooks_.on_trace_period ? period_ms : -1;
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline_ - Clock::now()).count();
        return static_cast<int>(std::clamp<std::int64_t>(left, 0, hooks_.on_trace_period ? period_ms : 1'000'000));
    }

    void on_timeout() {
        host::limit_patience();
        machine_.kill();
        throw host::Error(ExitCode::timeout, "the VM was ended because its --timeout is over");
    }

    void tell_of_helpers() {
        for (const std::string& sentence : machine_.take_failed_helpers()) {
            if (hooks_.on_warning) hooks_.on_warning(sentence);
        }
    }

    void on_signals() {
        signalfd_siginfo info{};
        while (read(signals_.get(), &info, sizeof(info)) == sizeof(info)) {
            const int signal = static_cast<int>(info.ssi_signo);
            if (signal == SIGCHLD) {  // is_over() reaps QEMU
                tell_of_helpers();
                continue;
            }
            const bool ends = signal == SIGTERM || signal == SIGINT;
            if (ends && asked_to_end_) {
                host::limit_patience();
                machine_.kill();
                ending_ = {0, signal};
                killed_ = true;
            }
            asked_to_end_ = asked_to_end_ || ends;
            to_send_ += make_signal_frame(signal);
        }
    }

    void on_status() {
        std::array<char, 4096> bytes;
        const ssize_t got = read(machine_.channels().status.get(), bytes.data(), bytes.size());
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (got <= 0) {
            status_ended_ = true;
            return;
        }
        for (const StatusLine& line : status_reader_.take({bytes.data(), static_cast<std::size_t>(got)})) {
            switch (line.kind) {
                case StatusLine::Kind::exit:
                    ending_ = {static_cast<int>(line.value), 0};
                    break;
                case StatusLine::Kind::signal:
                    ending_ = {0, static_cast<int>(line.value)};
                    break;
                case StatusLine::Kind::panic:
                    panicked_ = true;
                    break;
                case StatusLine::Kind::read:
                    wanted_bytes_ = line.value;
                    break;
            }
        }
    }

    void on_trace() {
        std::array<std::byte, 16384> bytes;
        const ssize_t got = read(machine_.channels().trace.get(), bytes.data(), bytes.size());
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (got > 0) hooks_.on_trace(std::span(bytes).first(static_cast<std::size_t>(got)));
        trace_ended_ = got <= 0;
    }

    void on_room_to_send() {
        const ssize_t sent = write(machine_.channels().control.get(), to_send_.data(), to_send_.size());
        if (sent > 0) to_send_.erase(0, static_cast<std::size_t>(sent));
        if (sent < 0 && errno != EAGAIN && errno != EINTR) to_send_.clear();  // QEMU is gone
    }

    // Only ever reads what the application has asked for: the rest stays for whoever shares this stdin.
    void on_input() {
        std::array<char, 65535> bytes;
        const ssize_t got = read(STDIN_FILENO, bytes.data(), std::min<std::size_t>(bytes.size(), wanted_bytes_));
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
        to_send_ += got > 0 ? make_input_frame({bytes.data(), static_cast<std::size_t>(got)}) : make_end_frame();
        wanted_bytes_ = 0;
    }

    host::FileDescriptor signals_;
    Machine machine_;
    const Hooks& hooks_;
    Clock::time_point next_trace_period_ = Clock::now() + trace_period;
    bool trace_ended_ = false;
    OutputPump output_{machine_.channels().standard_output.get(), STDOUT_FILENO};
    OutputPump error_{machine_.channels().standard_error.get(), STDERR_FILENO};
    OutputPump serial_{machine_.channels().serial.get(), STDERR_FILENO};
    StatusReader status_reader_;
    std::string to_send_;
    std::uint32_t wanted_bytes_ = 0;  // 0: the guest does not wait for stdin
    std::optional<Clock::time_point> deadline_;
    std::optional<Ending> ending_;
    bool status_ended_ = false;
    bool panicked_ = false;
    bool asked_to_end_ = false;
    bool killed_ = false;
};

}  // namespace

Ending run_under_qemu(const config::LaunchConfig& config, const Hooks& hooks) {
    const std::string kernel_line = make_kernel_line(config, examine_streams());
    return Session(Machine::start(config, kernel_line), config.timeout, hooks).run();
}

}  // namespace husk::qemu
