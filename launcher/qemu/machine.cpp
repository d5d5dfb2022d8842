// SPDX-License-Identifier: Apache-2.0
#include "launcher/qemu/machine.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <string>
#include <utility>
#include <vector>

#include "launcher/backend/helper_process.hpp"
#include "launcher/config/text.hpp"
#include "launcher/host/errno_error.hpp"
#include "launcher/qemu/disk_words.hpp"
#include "launcher/qemu/find_qemu.hpp"
#include "launcher/qemu/kernel_line.hpp"

namespace husk::qemu {

namespace {

using config::fill_in;
using config::Hex;

constexpr std::size_t longest_kernel_line = (128 << 10) - 1;  // one string of execve(2)

struct Pair {
    host::FileDescriptor ours;
    host::FileDescriptor theirs;  // inherited
};

Pair make_pair() {
    std::array<int, 2> ends{};
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) != 0) throw host::errno_error("cannot make a channel to QEMU");
    Pair pair{host::FileDescriptor(ends[0]), host::FileDescriptor(ends[1])};
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    return pair;
}

class CommandLine final {
public:
    void add(const std::vector<std::string>& words) { words_.insert(words_.end(), words.begin(), words.end()); }
    void add_channel(std::string_view id, const Pair& pair) {
        add({"-chardev", fill_in("socket,id={},fd={}", id, pair.theirs.get())});
    }
    void add_output_port(std::uint16_t number, std::string_view id) {
        add({"-device", fill_in("isa-debugcon,iobase={},chardev={}", Hex{number}, id)});
    }
    [[nodiscard]] std::vector<char*> pointers() {
        std::vector<char*> result;
        for (std::string& word : words_) result.push_back(word.data());
        result.push_back(nullptr);
        return result;
    }

private:
    std::vector<std::string> words_;
};

// In the child, between fork and exec.
[[noreturn]] void become_qemu(const std::filesystem::path& program, char* const* words) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setpgid(0, 0);  // the terminal's ^C is for the application, through the launcher
    const int null = open("/dev/null", O_RDWR);
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    signal(SIGPIPE, SIG_DFL);
    execv(program.c_str(), words);
    _exit(127);
}

}  // namespace

Machine Machine::start(const config::LaunchConfig& config, const std::string& kernel_line) {
    const std::filesystem::path program = require_qemu();
    if (kernel_line.size() > longest_kernel_line) {
        throw host::Error(host::ExitCode::usage,
                          "arguments and environment are too long for QEMU's command line (128 KiB): "
                          "pass them in a file, or use --accel kvm");
    }
    Pair output = make_pair(), error = make_pair(), serial = make_pair(), status = make_pair(), control = make_pair();
    const bool is_traced = !config.debug.trace.calls.empty();
    Pair trace = is_traced ? make_pair() : Pair{};
    CommandLine line;
    // With devices QEMU adds a word for each to the kernel line, which it does only without ACPI.
    const bool has_devices = !config.disks.empty() || !config.networks.empty();
    const std::string machine = has_devices ? "microvm,acpi=off" : "microvm,auto-kernel-cmdline=off";
    line.add({program.native(), "-M", machine, "-accel", "tcg", "-cpu", "max"});
    line.add(
        {"-m", fill_in("size={}B", config.memory_bytes), "-kernel", config.image.native(), "-append", kernel_line});
    if (config.cpus > 1) line.add({"-smp", fill_in("{}", config.cpus)});
    line.add({"-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-monitor", "none"});
    // QEMU's own server, which knows the machine and not the application's threads.
    if (const auto& gdb = config.debug.gdb) {
        if (gdb->port == 0) throw host::Error(host::ExitCode::usage, "under QEMU, --gdb needs a port that is not 0");
        line.add({"-gdb", fill_in("tcp:{}:{}", gdb->host, gdb->port), "-S"});
    }
    line.add(disk_words(config.disks, config.cpus));
    NetworkWords networks = open_networks(config.networks, config.disks.size());
    line.add(networks.words);
    line.add_channel("out", output);
    line.add_channel("err", error);
    line.add_channel("com", serial);
    line.add_channel("status", status);
    line.add_channel("control", control);
    line.add({"-serial", "chardev:com"});
    line.add_output_port(port::standard_output, "out");
    line.add_output_port(port::standard_error, "err");
    line.add_output_port(port::status, "status");
    if (is_traced) {
        line.add_channel("trace", trace);
        line.add_output_port(port::trace, "trace");
    }
    line.add({"-device", fill_in("isa-serial,iobase={},irq=3,chardev=control", Hex{port::control})});
    line.add({"-device", fill_in("isa-debug-exit,iobase={},iosize=4", Hex{port::debug_exit})});

    const std::vector<char*> words = line.pointers();
    const pid_t pid = fork();
    if (pid < 0) throw host::errno_error("cannot start QEMU");
    if (pid == 0) become_qemu(program, words.data());
    return Machine(pid,
                   {std::move(output.ours), std::move(error.ours), std::move(serial.ours), std::move(status.ours),
                    std::move(trace.ours), std::move(control.ours)},
                   std::move(networks.helpers));
}

Machine::Machine(Machine&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)), channels_(std::move(other.channels_)), helpers_(std::move(other.helpers_)) {}

Machine::~Machine() {
    kill();
    if (pid_ > 0) waitpid(pid_, nullptr, 0);
    for (const NetworkHelper& helper : helpers_) backend::let_helper_finish(helper.id);
}

std::vector<std::string> Machine::take_failed_helpers() {
    std::vector<std::string> sentences;
    std::erase_if(helpers_, [&](const NetworkHelper& helper) {
        int status = 0;
        if (waitpid(helper.id, &status, WNOHANG) != helper.id) return false;
        if (status != 0) {
            sentences.push_back(fill_in("the user network of eth{} is gone{}: nothing comes or goes by it any more",
                                        helper.network, backend::describe_end(status)));
        }
        return true;
    });
    return sentences;
}

bool Machine::try_reap() {
    if (pid_ > 0 && waitpid(pid_, nullptr, WNOHANG) == pid_) pid_ = 0;
    return pid_ == 0;
}

void Machine::kill() {
    if (pid_ > 0) ::kill(pid_, SIGKILL);
}

}  // namespace husk::qemu
