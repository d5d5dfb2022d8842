// SPDX-License-Identifier: Apache-2.0
#include "launcher/user_net/file_access.hpp"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>

namespace husk::user_net {

namespace {

constexpr const char* settings_folder = "/etc";
constexpr const char* settings_file = "/etc/resolv.conf";
// All rights of Landlock's first version: execute, write, read, and what makes or removes names.
constexpr std::uint64_t every_right = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;

class Descriptor final {
public:
    explicit Descriptor(long fd) : fd_(static_cast<int>(fd)) {}
    ~Descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    [[nodiscard]] int get() const { return fd_; }

private:
    int fd_;
};

// A folder that is not there needs no rule.
bool allow_reading(int rules, const std::string& folder) {
    const Descriptor parent(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (parent.get() < 0) return true;
    landlock_path_beneath_attr rule{LANDLOCK_ACCESS_FS_READ_FILE, parent.get()};
    return ::syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
}

std::string folder_of_settings() {
    const std::unique_ptr<char, void (*)(void*)> real(::realpath(settings_file, nullptr), std::free);
    if (!real) return settings_folder;
    const std::string path = real.get();
    const std::size_t slash = path.rfind('/');
    return slash == 0 ? settings_folder : path.substr(0, slash);  // never all of the file system
}

}  // namespace

bool keep_to_name_server_settings() {
    landlock_ruleset_attr handled{};
    handled.handled_access_fs = every_right;
    const Descriptor rules(::syscall(SYS_landlock_create_ruleset, &handled, sizeof handled, 0));
    if (rules.get() < 0) return errno == ENOSYS || errno == EOPNOTSUPP || errno == EPERM;
    return allow_reading(rules.get(), settings_folder) && allow_reading(rules.get(), folder_of_settings()) &&
           ::syscall(SYS_landlock_restrict_self, rules.get(), 0) == 0;
}

}  // namespace husk::user_net
