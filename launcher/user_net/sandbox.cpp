// SPDX-License-Identifier: Apache-2.0
#include "launcher/user_net/sandbox.hpp"

#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstring>

#include "launcher/user_net/call_filter.hpp"
#include "launcher/user_net/file_access.hpp"

namespace husk::user_net {

namespace {

constexpr unsigned nobody = 65534;

void drop_bounding_set() {
    for (int capability = 0; ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability)
        ::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
}

// Root owns files of this host even without capabilities. In a user namespace there may be no other id to take.
void leave_root() {
    if (::geteuid() != 0) return;
    if (::setgroups(0, nullptr) != 0 || ::setresgid(nobody, nobody, nobody) != 0) return;
    static_cast<void>(::setresuid(nobody, nobody, nobody) == 0);
}

bool drop_capabilities() {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> none{};
    ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    return ::syscall(SYS_capset, &header, none.data()) == 0;
}

}  // namespace

void close_inherited(int last) { ::syscall(SYS_close_range, static_cast<unsigned>(last) + 1, UINT_MAX, 0); }

bool enter_sandbox(std::string& why) {
    const auto failed = [&](const char* what) {
        why = std::string(what) + ": " + std::strerror(errno);
        return false;
    };
    drop_bounding_set();
    leave_root();
    if (!drop_capabilities()) return failed("cannot give up capabilities");
    // Changing the user id has cleared it; and nobody of the same id may look into this process.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return failed("cannot give up new privileges");
    if (!keep_to_name_server_settings()) return failed("cannot give up the file system");
    if (!install_call_filter()) return failed("cannot filter system calls");
    return true;
}

}  // namespace husk::user_net
