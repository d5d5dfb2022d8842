// SPDX-License-Identifier: Apache-2.0
// Signals: who gets them, in which order, with what, on which stack, and what they interrupt.
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "tests/guest/conformance.hpp"

using namespace conformance;

namespace {

constexpr long set_bytes = 8;
constexpr int auto_disarm = static_cast<int>(1u << 31);  // SS_AUTODISARM
int order[16];
int values[16];
int codes[16];
std::atomic<int> arrived = 0;

void note(int number, siginfo_t* info, void*) {
    const int at = arrived++;
    if (at >= 16) return;
    order[at] = number;
    values[at] = info->si_value.sival_int;
    codes[at] = info->si_code;
}

// Notes a signal for the time of one scenario.
class Noted {
public:
    explicit Noted(int number, int flags = 0, int also_blocked = 0) : number_(number) {
        struct sigaction action = {};
        action.sa_sigaction = note;
        action.sa_flags = flags | SA_SIGINFO;
        if (also_blocked != 0) sigaddset(&action.sa_mask, also_blocked);
        arrived = 0;
        sigaction(number, &action, &old_);
    }
    Noted(const Noted&) = delete;
    ~Noted() { sigaction(number_, &old_, nullptr); }

private:
    int number_;
    struct sigaction old_ = {};
};

sigset_t set_of(std::initializer_list<int> numbers) {
    sigset_t set;
    sigemptyset(&set);
    for (int number : numbers) sigaddset(&set, number);
    return set;
}

// Signals blocked for the time of one scenario, in this thread and those that it makes.
class Blocked {
public:
    explicit Blocked(std::initializer_list<int> numbers) {
        const sigset_t set = set_of(numbers);
        pthread_sigmask(SIG_BLOCK, &set, &old_);
    }
    Blocked(const Blocked&) = delete;
    ~Blocked() { pthread_sigmask(SIG_SETMASK, &old_, nullptr); }

private:
    sigset_t old_;
};

void print_order() {
    std::printf("    order:");
    for (int i = 0; i < arrived && i < 16; ++i) {
        std::printf(" %d%s", order[i] >= SIGRTMIN ? order[i] - SIGRTMIN : order[i], order[i] >= SIGRTMIN ? "rt" : "");
        if (codes[i] == SI_QUEUE) std::printf("(%d)", values[i]);
    }
    std::printf("\n");
}

void wrong_arguments() {
    const pid_t me = getpid();
    const timespec bad{0, 2'000'000'000}, none{0, 0};
    siginfo_t info = {};
    info.si_code = SI_QUEUE;
    int file = static_cast<int>(needs(open("/dev/null", O_RDONLY)));
    stack_t small = {}, odd = {};
    small.ss_size = 1;
    odd.ss_flags = 0x40;
    odd.ss_size = 65536;
    answer_all({
        {SYS_rt_sigaction, "SIGKILL", SIGKILL, buffer, 0, set_bytes},
        {SYS_rt_sigaction, "SIGSTOP", SIGSTOP, buffer, 0, set_bytes},
        {SYS_rt_sigaction, "ask of SIGKILL", SIGKILL, 0, buffer, set_bytes},
        {SYS_rt_sigaction, "no signal", 0, 0, buffer, set_bytes},
        {SYS_rt_sigaction, "beyond the last", 65, 0, buffer, set_bytes},
        {SYS_rt_sigaction, "a wrong size", SIGUSR1, 0, 0, 4},
        {SYS_rt_sigaction, "a bad place", SIGUSR1, nowhere, 0, set_bytes},
        {SYS_rt_sigprocmask, "unknown", 9, buffer, 0, set_bytes},
        {SYS_rt_sigprocmask, "unknown, but nothing to set", 9, 0, buffer, set_bytes},
        {SYS_rt_sigprocmask, "a wrong size", SIG_BLOCK, buffer, 0, 4},
        {SYS_rt_sigprocmask, "a bad place", SIG_BLOCK, nowhere, 0, set_bytes},
        {SYS_rt_sigpending, "too large a size", buffer, 16},
        {SYS_rt_sigpending, "a bad place", nowhere, set_bytes},
        {SYS_rt_sigsuspend, "a wrong size", buffer, 4},
        {SYS_rt_sigsuspend, "a bad place", nowhere, set_bytes},
        {SYS_rt_sigtimedwait, "a wrong size", buffer, 0, 0, 4},
        {SYS_rt_sigtimedwait, "a bad time", buffer, 0, &bad, set_bytes},
        {SYS_rt_sigtimedwait, "no time", buffer, 0, &none, set_bytes},
        {SYS_rt_sigtimedwait, "a bad set", nowhere, 0, &none, set_bytes},
        {SYS_rt_sigqueueinfo, "nobody", 0x3ffffff, SIGUSR1, &info},
        {SYS_rt_sigqueueinfo, "no such signal", me, 65, &info},
        {SYS_rt_sigqueueinfo, "a bad place", me, SIGUSR1, nowhere},
        {SYS_rt_sigqueueinfo, "only a question", me, 0, &info},
        {SYS_rt_tgsigqueueinfo, "nobody", me, 0x3ffffff, SIGUSR1, &info},
        {SYS_rt_tgsigqueueinfo, "no thread", me, 0, SIGUSR1, &info},
        {SYS_kill, "no such signal", me, 65},
        {SYS_kill, "a negative one", me, -1},
        {SYS_kill, "nobody", 0x3ffffff, 0},
        {SYS_kill, "only a question", me, 0},
        {SYS_tkill, "no thread", 0, 0},
        {SYS_tkill, "nobody", 0x3ffffff, 0},
        {SYS_tkill, "no such signal", syscall(SYS_gettid), 65},
        {SYS_tgkill, "no thread", me, -1, 0},
        {SYS_tgkill, "no group", 0, me, 0},
        {SYS_tgkill, "a thread of another group", me, 0x3ffffff, 0},
        {SYS_tgkill, "only a question", me, me, 0},
        {SYS_sigaltstack, "too small", &small, 0},
        {SYS_sigaltstack, "an unknown flag", &odd, 0},
        {SYS_sigaltstack, "a bad place", nowhere, 0},
        {SYS_sigaltstack, "only a question", 0, buffer},
        {SYS_signalfd, "no descriptor", no_fd, buffer, set_bytes},
        {SYS_signalfd, "another file", file, buffer, set_bytes},
        {SYS_signalfd4, "a wrong size", -1, buffer, 4, 0},
        {SYS_signalfd4, "an unknown flag", -1, buffer, set_bytes, 1},
        {SYS_signalfd4, "a bad place", -1, nowhere, set_bytes, 0},
        {SYS_wait4, "no children", -1, 0, WNOHANG, 0},
        {SYS_wait4, "an unknown flag", -1, 0, 0x100, 0},
        {SYS_waitid, "no children", P_ALL, 0, 0, WEXITED | WNOHANG, 0},
        {SYS_waitid, "nothing to wait for", P_ALL, 0, 0, WNOHANG, 0},
        {SYS_waitid, "an unknown kind", 77, 0, 0, WEXITED, 0},
    });
    close(file);
}

void order_of_delivery() {
    scenario(SYS_rt_sigprocmask, "pending signals come lowest first; real-time ones in the order of sending", [] {
        Noted a(SIGUSR1), b(SIGUSR2), c(SIGRTMIN + 1), d(SIGRTMIN + 2), e(SIGTERM);
        {
            Blocked blocked({SIGUSR1, SIGUSR2, SIGRTMIN + 1, SIGRTMIN + 2, SIGTERM});
            for (int i = 1; i <= 3; ++i) sigqueue(getpid(), SIGRTMIN + 1, sigval{i});
            sigqueue(getpid(), SIGRTMIN + 2, sigval{7});
            sigqueue(getpid(), SIGRTMIN + 1, sigval{4});
            raise(SIGTERM);
            raise(SIGUSR2);
            raise(SIGUSR1);
            raise(SIGUSR1);
            sigset_t pending;
            sigpending(&pending);
            holds("pending", sigismember(&pending, SIGUSR1) == 1 && sigismember(&pending, SIGRTMIN + 2) == 1);
            is("none arrived", arrived);
        }
        // A later one of these runs first, since its frame is on top.
        is("arrived", arrived);
        print_order();
    });
    scenario(SYS_rt_sigtimedwait, "takes the lowest first, those of the thread before those of the process", [] {
        Blocked blocked({SIGUSR1, SIGUSR2, SIGRTMIN + 1});
        const sigset_t set = set_of({SIGUSR1, SIGUSR2, SIGRTMIN + 1});
        sigqueue(getpid(), SIGRTMIN + 1, sigval{5});
        kill(getpid(), SIGUSR1);
        pthread_kill(pthread_self(), SIGUSR2);
        siginfo_t info;
        const timespec soon{1, 0}, none{0, 0};
        for (int i = 0; i < 3; ++i) {
            const int number = sigtimedwait(&set, &info, &soon);
            is("signal", number >= SIGRTMIN ? number - SIGRTMIN + 1000 : number);
            is("code", info.si_code);
        }
        is("value", info.si_value.sival_int);
        answers("none left", sigtimedwait(&set, &info, &none));
        Stopwatch time;
        const timespec while_ms{0, 30'000'000};
        answers("after a while", sigtimedwait(&set, &info, &while_ms));
        holds("30 ms", time.ms() >= 30);
    });
    scenario(SYS_rt_sigqueueinfo, "a value goes along; without SA_SIGINFO it is lost", [] {
        Noted noted(SIGUSR1);
        answers("sent", sigqueue(getpid(), SIGUSR1, sigval{42}));
        is("value", values[0]);
        is("code", codes[0]);
        answers("kill", kill(getpid(), SIGUSR1));
        is("code", codes[1]);
        pthread_kill(pthread_self(), SIGUSR1);
        is("code of a thread's", codes[2]);
    });
    scenario(SYS_rt_sigaction, "what the handler blocks, SA_NODEFER, SA_RESETHAND", [] {
        static int depth, deepest, raises;
        depth = deepest = 0;
        raises = 1;
        struct sigaction action = {};
        action.sa_handler = [](int number) {
            deepest = std::max(deepest, ++depth);
            if (raises-- > 0) raise(number);
            --depth;
        };
        sigaction(SIGUSR1, &action, nullptr);
        raise(SIGUSR1);
        is("depth", deepest);
        deepest = 0;
        raises = 1;
        action.sa_flags = SA_NODEFER;
        sigaction(SIGUSR1, &action, nullptr);
        raise(SIGUSR1);
        is("depth with SA_NODEFER", deepest);
        action.sa_handler = [](int) {};
        action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
        sigaction(SIGUSR1, &action, nullptr);
        struct sigaction now;
        sigaction(SIGUSR1, nullptr, &now);
        holds("flags are told",
              (static_cast<unsigned>(now.sa_flags) & SA_RESETHAND) != 0 && (now.sa_flags & SA_RESTART) != 0);
        raise(SIGUSR1);
        sigaction(SIGUSR1, nullptr, &now);
        holds("reset", now.sa_handler == SIG_DFL);
    });
    scenario(SYS_rt_sigaction, "an ignored signal is dropped, also when it is pending", [] {
        Blocked blocked({SIGUSR1, SIGCHLD});
        raise(SIGUSR1);
        signal(SIGUSR1, SIG_IGN);
        sigset_t pending;
        sigpending(&pending);
        holds("pending after SIG_IGN", sigismember(&pending, SIGUSR1) == 1);
        raise(SIGUSR1);
        sigpending(&pending);
        holds("pending while blocked and ignored", sigismember(&pending, SIGUSR1) == 1);
        signal(SIGUSR1, SIG_DFL);
        const timespec none{0, 0};
        const sigset_t set = set_of({SIGUSR1});
        answers("take it", sigtimedwait(&set, nullptr, &none));
    });
    scenario(SYS_rt_sigreturn, "brings mask and errno back", [] {
        Noted noted(SIGUSR1, 0, SIGUSR2);
        errno = 77;
        raise(SIGUSR1);
        is("errno", errno);
        sigset_t now;
        pthread_sigmask(SIG_BLOCK, nullptr, &now);
        holds("mask", sigismember(&now, SIGUSR1) == 0 && sigismember(&now, SIGUSR2) == 0);
    });
}

void threads() {
    scenario(SYS_tgkill, "a thread's signal waits for that thread", [] {
        Noted noted(SIGUSR1);
        std::atomic<bool> end = false;
        std::atomic<long> tid = 0;
        std::thread other([&] {
            {
                Blocked blocked({SIGUSR1});
                tid = syscall(SYS_gettid);
                while (!end) rest_ms(1);
            }
        });
        while (tid == 0) rest_ms(1);
        answers("sent", syscall(SYS_tgkill, getpid(), tid.load(), SIGUSR1));
        rest_ms(20);
        is("not yet", arrived);
        sigset_t pending;
        sigpending(&pending);
        holds("not pending here", sigismember(&pending, SIGUSR1) == 0);
        end = true;
        other.join();
        is("arrived", arrived);
    });
    scenario(SYS_kill, "the process' signal goes to a thread that takes it", [] {
        Noted noted(SIGUSR2);
        Caller other([] { return pause(); });
        Blocked blocked({SIGUSR2});
        other.sleeps();
        answers("sent", kill(getpid(), SIGUSR2));
        answers("the other thread", other.join());
        is("arrived", arrived);
    });
    scenario(SYS_rt_sigtimedwait, "a waiting thread is woken by the process' signal", [] {
        Blocked blocked({SIGUSR1});
        Caller waiter([] {
            const sigset_t set = set_of({SIGUSR1});
            siginfo_t info;
            return sigwaitinfo(&set, &info);
        });
        waiter.waits();
        kill(getpid(), SIGUSR1);
        answers("signal", waiter.join());
        sigset_t pending;
        sigpending(&pending);
        holds("taken", sigismember(&pending, SIGUSR1) == 0);
    });
    scenario(SYS_rt_sigtimedwait, "another signal interrupts it, SA_RESTART or not", [] {
        Handler handler(SIGUSR2, SA_RESTART);
        Caller waiter([] {
            const sigset_t set = set_of({SIGUSR1});
            return sigwaitinfo(&set, nullptr);
        });
        waiter.waits();
        waiter.signal(SIGUSR2);
        answers("then", waiter.join());
    });
    scenario(SYS_rt_sigsuspend, "waits with another mask, which goes back", [] {
        Handler handler(SIGUSR1);
        Blocked blocked({SIGUSR1});
        raise(SIGUSR1);
        is("blocked", handled);
        sigset_t none;
        sigemptyset(&none);
        answers("suspended", sigsuspend(&none));
        is("handled", handled);
        sigset_t now;
        pthread_sigmask(SIG_BLOCK, nullptr, &now);
        holds("blocked again", sigismember(&now, SIGUSR1) == 1);
    });
    scenario(SYS_pause, "ends with a handled signal, not with an ignored one", [] {
        Handler handler(SIGUSR1, SA_RESTART);
        signal(SIGUSR2, SIG_IGN);
        Caller waiter([] { return pause(); });
        waiter.waits();
        waiter.signal(SIGUSR2);
        rest_ms(20);
        holds("an ignored one", !waiter.is_back());
        waiter.signal(SIGUSR1);
        answers("then", waiter.join());
        signal(SIGUSR2, SIG_DFL);
    });
}

char other_stack[1 << 16];
bool was_on_other_stack;

void stacks() {
    scenario(SYS_sigaltstack, "handlers with SA_ONSTACK run there", [] {
        stack_t wanted = {}, now = {};
        wanted.ss_sp = other_stack;
        wanted.ss_size = sizeof other_stack;
        answers("set", sigaltstack(&wanted, nullptr));
        struct sigaction action = {};
        action.sa_handler = [](int) {
            char here;
            was_on_other_stack = &here >= other_stack && &here < other_stack + sizeof other_stack;
            stack_t inner = {};
            sigaltstack(nullptr, &inner);
            is("flags inside", inner.ss_flags);
            stack_t change = {};
            change.ss_flags = SS_DISABLE;
            answers("change it inside", sigaltstack(&change, nullptr));
        };
        action.sa_flags = SA_ONSTACK;
        sigaction(SIGUSR1, &action, nullptr);
        raise(SIGUSR1);
        holds("on the other stack", was_on_other_stack);
        action.sa_flags = 0;
        action.sa_handler = [](int) {
            char here;
            was_on_other_stack = &here >= other_stack && &here < other_stack + sizeof other_stack;
        };
        sigaction(SIGUSR1, &action, nullptr);
        raise(SIGUSR1);
        holds("without the flag", was_on_other_stack);
        answers("ask", sigaltstack(nullptr, &now));
        is("flags", now.ss_flags);
        is("size", static_cast<long long>(now.ss_size));
        wanted.ss_flags = SS_DISABLE;
        answers("disable", sigaltstack(&wanted, nullptr));
        sigaltstack(nullptr, &now);
        is("flags", now.ss_flags);
        signal(SIGUSR1, SIG_DFL);
        // A new thread has none.
        std::thread([] {
            stack_t mine = {};
            sigaltstack(nullptr, &mine);
            is("flags in a new thread", mine.ss_flags);
        }).join();
    });
    scenario(SYS_sigaltstack, "SS_AUTODISARM", [] {
        stack_t wanted = {};
        wanted.ss_sp = other_stack;
        wanted.ss_size = sizeof other_stack;
        wanted.ss_flags = auto_disarm;
        answers("set", sigaltstack(&wanted, nullptr));
        struct sigaction action = {};
        action.sa_handler = [](int) {
            stack_t inner = {};
            sigaltstack(nullptr, &inner);
            is("flags inside", inner.ss_flags);
        };
        action.sa_flags = SA_ONSTACK;
        sigaction(SIGUSR1, &action, nullptr);
        raise(SIGUSR1);
        stack_t now = {};
        sigaltstack(nullptr, &now);
        holds("armed again", now.ss_sp == other_stack && now.ss_flags == auto_disarm);
        wanted.ss_flags = SS_DISABLE;
        sigaltstack(&wanted, nullptr);
        signal(SIGUSR1, SIG_DFL);
    });
}

void as_descriptors() {
    scenario(SYS_signalfd4, "reads what is pending, several at once", [] {
        Blocked blocked({SIGUSR1, SIGRTMIN + 1});
        const sigset_t set = set_of({SIGUSR1, SIGRTMIN + 1});
        const int fd = static_cast<int>(needs(signalfd(-1, &set, SFD_NONBLOCK)));
        signalfd_siginfo infos[4] = {};
        answers("nothing", read(fd, infos, sizeof infos));
        answers("too little", read(fd, infos, 10));
        sigqueue(getpid(), SIGRTMIN + 1, sigval{3});
        sigqueue(getpid(), SIGRTMIN + 1, sigval{4});
        raise(SIGUSR1);
        answers("three", read(fd, infos, sizeof infos));
        holds("the lowest first", infos[0].ssi_signo == SIGUSR1);
        is("value", infos[1].ssi_int);
        is("value", infos[2].ssi_int);
        answers("write", write(fd, infos, sizeof infos[0]));
        close(fd);
    });
    scenario(SYS_signalfd4, "a blocking read waits for a signal", [] {
        Blocked blocked({SIGUSR1});
        const sigset_t set = set_of({SIGUSR1});
        const int fd = static_cast<int>(needs(signalfd(-1, &set, 0)));
        Caller reader([=] {
            signalfd_siginfo info;
            return read(fd, &info, sizeof info);
        });
        reader.waits();
        kill(getpid(), SIGUSR1);
        answers("read", reader.join());
        close(fd);
    });
}

}  // namespace

int main() {
    std::setvbuf(stdout, nullptr, _IOLBF, 1 << 16);
    wrong_arguments();
    order_of_delivery();
    threads();
    stacks();
    as_descriptors();
}
