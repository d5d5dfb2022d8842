// SPDX-License-Identifier: Apache-2.0
#include "launcher/run/doorbells.hpp"

#include <poll.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <string>
#include <thread>
#include <utility>

#include <husk/abi/boot_info.hpp>

#include "launcher/host/error.hpp"
#include "launcher/run/crash_view.hpp"

namespace husk::run {

namespace {

constexpr std::uint64_t longest_log_bytes = 4096;
constexpr unsigned stdin_stream = 0;
// A CPU that has nothing to run takes a thread that waits for another one at once.
constexpr std::chrono::microseconds give_way_time(20);
constexpr std::uint64_t last_signal = 64;

End end_of(std::uint64_t status, std::uint64_t signal) {
    return {static_cast<int>(status & 0xff), signal <= last_signal ? static_cast<int>(signal) : 0, std::nullopt};
}

End failed(host::ExitCode code, std::string sentence) { return {0, 0, Failure{code, std::move(sentence)}}; }

}  // namespace

std::optional<End> Doorbells::serve(std::uint16_t port, VirtualCpu& cpu) {
    // Copied once: the guest's other vCPUs may change the mailbox while it is looked at.
    Arguments arguments{};
    for (std::size_t i = 0; i < 4; ++i)
        arguments.word[i] = std::atomic_ref(cpu.mailbox.argument[i]).load(std::memory_order_relaxed);

    std::int64_t result = 0;
    switch (static_cast<abi::Doorbell>(port)) {
        case abi::Doorbell::console_write:
            cpu.counts.count(ExitKind::console_write);
            result = console_write(arguments);
            break;
        case abi::Doorbell::console_read:
            cpu.counts.count(ExitKind::console_read);
            result = console_read(arguments);
            break;
        case abi::Doorbell::console_poll:
            cpu.counts.count(ExitKind::console_poll);
            result = console_poll(arguments);
            break;
        case abi::Doorbell::exit:
            cpu.counts.count(ExitKind::exit);
            return end_of(arguments.word[0], arguments.word[1]);
        case abi::Doorbell::wait:
            cpu.counts.count(ExitKind::wait);
            cpu.control.wait(arguments.word[0]);
            break;
        case abi::Doorbell::wake:
            cpu.counts.count(ExitKind::wake);
            try {
                result = host_.wake_vcpu(arguments.word[0]) ? 0 : -EINVAL;
            } catch (const host::Error& error) {
                return failed(error.code(), error.what());
            }
            break;
        case abi::Doorbell::log:
            cpu.counts.count(ExitKind::log);
            result = log(arguments);
            break;
        case abi::Doorbell::give_back:
            cpu.counts.count(ExitKind::give_back);
            result = give_back(arguments);
            break;
        case abi::Doorbell::crash:
            cpu.counts.count(ExitKind::crash);
            result = crash(arguments, cpu);
            break;
        case abi::Doorbell::stop:
            cpu.counts.count(ExitKind::stop);
            result = stop(arguments, cpu);
            break;
        case abi::Doorbell::interrupt:
            cpu.counts.count(ExitKind::wake);
            result = host_.interrupt_vcpu(arguments.word[0]) ? 0 : -EINVAL;
            break;
        case abi::Doorbell::trace:
            cpu.counts.count(ExitKind::trace);
            result = trace(arguments);
            break;
        case abi::Doorbell::give_way:
            cpu.counts.count(ExitKind::give_way);
            std::this_thread::sleep_for(give_way_time);
            break;
        default:
            return failed(host::ExitCode::guest_fault,
                          "the guest rang doorbell " + std::to_string(port) + ", which this launcher does not have");
    }
    std::atomic_ref(cpu.mailbox.result).store(result, std::memory_order_relaxed);
    return std::nullopt;
}

std::int64_t Doorbells::console_write(const Arguments& arguments) {
    const auto [stream, gpa, size_bytes, unused] = arguments.word;
    if (stream == stdin_stream || stream >= Console::stream_count) return -EBADF;
    if (size_bytes == 0) return 0;
    const std::span<const std::byte> bytes = memory_.try_span({gpa}, size_bytes);
    if (bytes.empty()) return -EFAULT;
    const std::lock_guard lock(console_mutex_);
    const std::int64_t result = console_.write(static_cast<unsigned>(stream), bytes);
    if (result == -EAGAIN) host_.watch_console(static_cast<unsigned>(stream), POLLOUT);
    return result;
}

std::int64_t Doorbells::console_read(const Arguments& arguments) {
    const auto [gpa, size_bytes, unused0, unused1] = arguments.word;
    if (size_bytes == 0) return 0;
    const std::span<std::byte> bytes = memory_.try_span({gpa}, size_bytes);
    if (bytes.empty()) return -EFAULT;
    const std::lock_guard lock(console_mutex_);
    const std::int64_t result = console_.read(bytes);
    if (result == -EAGAIN) host_.watch_console(stdin_stream, POLLIN);
    return result;
}

std::int64_t Doorbells::console_poll(const Arguments& arguments) {
    const auto [stream, wanted, unused0, unused1] = arguments.word;
    if (stream >= Console::stream_count) return -EBADF;
    const std::lock_guard lock(console_mutex_);
    const short now = console_.poll(static_cast<unsigned>(stream));
    const short wanted_events = static_cast<short>(wanted & (POLLIN | POLLOUT));
    // Errors and hang-ups are always wanted, as in poll(2).
    if (wanted_events != 0 && (now & (wanted_events | POLLERR | POLLHUP)) == 0)
        host_.watch_console(static_cast<unsigned>(stream), wanted_events);
    return now;
}

std::int64_t Doorbells::log(const Arguments& arguments) const {
    if (!hooks_.on_log) return 0;
    const std::uint64_t size_bytes = std::min(arguments.word[1], longest_log_bytes);
    std::string line(size_bytes, '\0');
    if (!memory_.copy_in({arguments.word[0]}, std::as_writable_bytes(std::span(line)))) return -EFAULT;
    hooks_.on_log(line);
    return 0;
}

// Without a lock: the guest owns what it names, and harms only itself by naming the wrong thing.
std::int64_t Doorbells::give_back(const Arguments& arguments) const {
    const std::uint64_t count = std::min(arguments.word[1], abi::give_back_max);
    for (std::uint64_t i = 0; i < count; ++i) {
        const auto range = memory_.copy_in<abi::PhysRange>({arguments.word[0] + i * sizeof(abi::PhysRange)});
        if (!range) return i == 0 ? -EFAULT : static_cast<std::int64_t>(i);
        if (range->begin >= range->end || !memory_.try_discard({range->begin}, range->end - range->begin)) {
            if (i != 0) return static_cast<std::int64_t>(i);
            return memory_.backing() == memory::Backing::huge_1g ? -EOPNOTSUPP : -EINVAL;
        }
    }
    return static_cast<std::int64_t>(count);
}

std::int64_t Doorbells::crash(const Arguments& arguments, const VirtualCpu& cpu) {
    trace_.drain();  // what led here comes first
    const auto record = try_read_crash_record(memory_, {arguments.word[0]});
    if (!record) return -EFAULT;
    const std::lock_guard lock(death_mutex_);
    // A VM dies once: what another vCPU says afterwards is of no interest.
    if (dying_cpu_.value_or(cpu.index) != cpu.index) return 0;
    dying_cpu_ = cpu.index;
    crash_ = record->kind;
    if (!hooks_.on_crash) return 0;
    host_.hold_others(cpu);
    hooks_.on_crash({*record, memory_, page_table_root_, [&cpu] { return cpu.control.stop_requested(); }});
    host_.release_others(cpu);
    return 0;
}

std::int64_t Doorbells::stop(const Arguments& arguments, VirtualCpu& cpu) {
    if (!hooks_.on_stop) return 0;
    trace_.drain();
    const auto record = try_read_stop_record(memory_, {arguments.word[0]});
    if (!record) return -EFAULT;
    const std::lock_guard lock(death_mutex_);
    is_stopped_.store(true);
    const StopAnswer answer =
        hooks_.on_stop({*record, memory_, page_table_root_, [&cpu] { return cpu.control.stop_requested(); }});
    is_stopped_.store(false);
    if (!answer.goes_on) return -EINTR;
    host_.watch_debugger(answer.watch_fd);
    if (answer.stops_again) cpu.control.raise(abi::attention::stop);
    return answer.takes_signal ? 1 : 0;
}

std::int64_t Doorbells::trace(const Arguments& arguments) {
    if (!hooks_.on_trace) return 0;
    if (!trace_.attach({arguments.word[0]}, arguments.word[1])) return -EFAULT;
    trace_.drain();
    if (!is_traced_.exchange(true)) host_.watch_trace();
    return 0;
}

void Doorbells::write_serial(std::span<const std::byte> bytes) {
    const std::lock_guard lock(console_mutex_);
    // Whoever uses it cannot wait: what does not go out now is lost.
    while (!bytes.empty()) {
        const std::int64_t written = console_.write(1, bytes);
        if (written <= 0) return;
        bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
}

}  // namespace husk::run
