// SPDX-License-Identifier: Apache-2.0
#include "launcher/profile/collector.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <unordered_map>

#include "launcher/config/text.hpp"
#include "launcher/host/errno_error.hpp"
#include "launcher/host/start_thread.hpp"
#include "launcher/image/symbols.hpp"
#include "launcher/profile/profile.hpp"
#include "launcher/profile/profile_text.hpp"
#include "launcher/profile/sample_frames.hpp"
#include "launcher/report/crash_text.hpp"
#include "launcher/report/debug_info.hpp"
#include "launcher/report/write_text.hpp"

namespace husk::profile {

namespace {

using config::fill_in;

constexpr unsigned seconds_to_finish = 30;
constexpr rlim_t memory_bytes_max = rlim_t{2} << 30;
constexpr std::size_t queued_bytes_max = 64 << 20;

host::FileDescriptor create_file(const std::filesystem::path& path) {
    constexpr mode_t everybody = 0666;  // but for the umask
    host::FileDescriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, everybody));
    if (!file.is_open()) throw host::errno_error("cannot write the profile to " + path.native());
    return file;
}

struct Files {
    host::FileDescriptor folded;
    host::FileDescriptor report;
};

// What one sample needs of the image, each address looked up once.
class Names final {
public:
    explicit Names(const host::FileDescriptor& image) : symbols_(image::read_symbols(image)), debug_info_(image) {}

    [[nodiscard]] std::optional<report::FrameRules> rules(std::uint64_t pc) {
        const auto [place, is_new] = rules_.try_emplace(pc);
        if (is_new) place->second = debug_info_.find_rules(pc);
        return place->second;
    }
    [[nodiscard]] const std::string& name(std::uint64_t pc) {
        const auto [place, is_new] = names_.try_emplace(pc);
        if (is_new) {
            const image::Symbol* symbol = symbols_.find(pc);
            place->second = symbol != nullptr ? report::demangle(symbol->name) : "?";
        }
        return place->second;
    }

private:
    image::SymbolTable symbols_;
    report::DebugInfo debug_info_;
    std::unordered_map<std::uint64_t, std::optional<report::FrameRules>> rules_;
    std::unordered_map<std::uint64_t, std::string> names_;
};

// Ends with the launcher, whatever signals the terminal sends; crashes quietly.
void settle_in_child() {
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGPIPE}) ::signal(signal, SIG_IGN);
    const rlimit no_core{0, 0};
    const rlimit memory{memory_bytes_max, memory_bytes_max};
    setrlimit(RLIMIT_CORE, &no_core);
    setrlimit(RLIMIT_DATA, &memory);
    const host::FileDescriptor null(::open("/dev/null", O_RDWR | O_CLOEXEC));
    for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::dup2(null.get(), stream);
}

Profile collect(int from, const host::FileDescriptor& image, const RuntimeText& runtime) {
    Names names(image);
    const report::FindRules find_rules = [&](std::uint64_t pc) { return names.rules(pc); };
    const NameOf name_of = [&](std::uint64_t pc) { return names.name(pc); };
    Profile profile;
    std::string packet(sizeof(abi::CrashRegisters) * 4 + stack_bytes_max * 2, '\0');
    for (;;) {
        const ssize_t got = ::recv(from, packet.data(), packet.size(), 0);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return profile;
        if (const auto sample = decode(std::string_view(packet).substr(0, static_cast<std::size_t>(got))))
            profile.add(frames_of(*sample, runtime, find_rules, name_of));
    }
}

[[noreturn]] void be_child(int from, const Files& files, const image::Image& image, const RuntimeText& runtime) {
    settle_in_child();
    try {
        const Profile profile = collect(from, image.file, runtime);
        report::write_text(files.folded.get(), folded_text(profile));
        report::write_text(files.report.get(), report_text(profile, run::sample_period_ns));
    } catch (const std::exception&) {
        _exit(EXIT_FAILURE);
    }
    _exit(EXIT_SUCCESS);
}

}  // namespace

std::filesystem::path report_path(const std::filesystem::path& folded) { return folded.native() + ".txt"; }

Collector::Collector(const std::filesystem::path& folded, const image::Image& image)
    : runtime_{image.note.runtime_text_begin, image.note.runtime_text_end} {
    const Files files{create_file(folded), create_file(report_path(folded))};
    // Packets: a sample arrives whole or not at all.
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0)
        throw host::errno_error("cannot make a channel for samples");
    host::FileDescriptor from(ends[0]);
    to_ = host::FileDescriptor(ends[1]);
    process_ = ::fork();
    if (process_ < 0) throw host::errno_error("cannot make a process for samples");
    if (process_ == 0) {
        to_.close();
        be_child(from.get(), files, image, runtime_);
    }
    sender_ = host::start_thread("samples", [this] { send_samples(); });
}

Collector::~Collector() { finish(); }

void Collector::add(const run::SampleView& view) {
    const auto sample = try_take_sample(view, runtime_);
    if (!sample) return;
    std::string bytes = encode(*sample);
    const std::lock_guard lock(mutex_);
    if (queued_bytes_ > queued_bytes_max) {
        ++lost_;
        return;
    }
    queued_bytes_ += bytes.size();
    queue_.push_back(std::move(bytes));
    news_.notify_one();
}

void Collector::send_samples() {
    std::unique_lock lock(mutex_);
    for (;;) {
        news_.wait(lock, [this] { return is_ending_ || !queue_.empty(); });
        if (queue_.empty()) return to_.close();
        const std::string bytes = std::move(queue_.front());
        queue_.pop_front();
        queued_bytes_ -= bytes.size();
        lock.unlock();
        // A process that has failed takes nothing more; finish() will say so.
        static_cast<void>(::send(to_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL));
        lock.lock();
    }
}

void Collector::finish() {
    if (process_ < 0) return;
    {
        const std::lock_guard lock(mutex_);
        is_ending_ = true;
        news_.notify_one();
    }
    int status = 0;
    // A child that hangs on a hostile image does not hold up the launcher for ever.
    const host::FileDescriptor child(static_cast<int>(::syscall(SYS_pidfd_open, process_, 0)));
    pollfd end{child.get(), POLLIN, 0};
    int ended = 1;
    do {
        if (child.is_open()) ended = ::poll(&end, 1, seconds_to_finish * 1000);
    } while (ended < 0 && errno == EINTR);
    if (ended == 0) ::kill(process_, SIGKILL);
    sender_.join();  // a child that takes nothing may be all that it waits for
    while (::waitpid(process_, &status, 0) < 0 && errno == EINTR) {
    }
    process_ = -1;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != EXIT_SUCCESS)
        report::say("no profile could be made: the image's debug information could not be read");
    if (lost_ != 0) report::say(fill_in("{} samples of the profile were lost, since the host was too busy", lost_));
}

}  // namespace husk::profile
