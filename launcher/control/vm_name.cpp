// SPDX-License-Identifier: Apache-2.0
#include "launcher/control/vm_name.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>
#include <utility>

#include "launcher/config/text.hpp"
#include "launcher/config/values.hpp"
#include "launcher/host/errno_error.hpp"

namespace husk::control {

namespace {

using config::fill_in;

constexpr std::string_view suffix = ".sock";
constexpr int waiting_clients = 16;
constexpr timeval connect_timeout{5, 0};

std::string folder_path() {
    if (const char* runtime = std::getenv("XDG_RUNTIME_DIR"); runtime != nullptr && runtime[0] == '/')
        return std::string(runtime) + "/husk";
    const std::string uid = std::to_string(::geteuid());
    const std::string of_session = "/run/user/" + uid;
    if (::access(of_session.c_str(), W_OK) == 0) return of_session + "/husk";
    return "/tmp/husk-" + uid;
}

// The folder, open and locked while this lives.
class LockedFolder final {
public:
    LockedFolder() : path_(folder_path()) {
        if (::mkdir(path_.c_str(), 0700) != 0 && errno != EEXIST)
            throw host::errno_error(fill_in("cannot make the folder {} for the sockets of VMs", path_));
        fd_ = host::FileDescriptor(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
        struct stat status {};
        if (!fd_.is_open() || ::fstat(fd_.get(), &status) != 0)
            throw host::errno_error(fill_in("cannot open the folder {} for the sockets of VMs", path_));
        if (status.st_uid != ::geteuid() || (status.st_mode & 077) != 0)
            throw host::Error(host::ExitCode::host_failure,
                              fill_in("the folder {} for the sockets of VMs is open to others: remove it", path_));
        while (::flock(fd_.get(), LOCK_EX) != 0) {
            if (errno != EINTR) throw host::errno_error("cannot lock " + path_);
        }
    }

    [[nodiscard]] std::string socket_path(const std::string& name) const {
        return path_ + "/" + name + std::string(suffix);
    }
    [[nodiscard]] const std::string& path() const { return path_; }

private:
    std::string path_;
    host::FileDescriptor fd_;
};

host::FileDescriptor make_socket(int flags = SOCK_NONBLOCK) {
    host::FileDescriptor made(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0));
    if (!made.is_open()) throw host::errno_error("cannot make a socket");
    return made;
}

sockaddr_un address_of(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        throw host::Error(host::ExitCode::host_failure,
                          fill_in("{} is too long for a socket: set XDG_RUNTIME_DIR to a shorter folder", path));
    std::memcpy(address.sun_path, path.data(), path.size());
    return address;
}

// SAFETY: what the sockets API asks for; an address of any family begins as sockaddr does.
const sockaddr* as_any(const sockaddr_un& address) { return reinterpret_cast<const sockaddr*>(&address); }

// 0, or why not: ECONNREFUSED when nobody listens, EAGAIN when too many wait already.
int connect_error(int fd, const std::string& path) {
    const sockaddr_un address = address_of(path);
    return ::connect(fd, as_any(address), sizeof address) == 0 ? 0 : errno;
}

bool is_stale(const std::string& path) { return connect_error(make_socket().get(), path) == ECONNREFUSED; }

// Nothing when a living VM has the name.
std::optional<host::FileDescriptor> try_listen(const std::string& path) {
    if (is_stale(path)) ::unlink(path.c_str());
    host::FileDescriptor listener = make_socket();
    ::fchmod(listener.get(), 0600);  // what bind() makes gets the socket's mode
    const sockaddr_un address = address_of(path);
    if (::bind(listener.get(), as_any(address), sizeof address) != 0) {
        if (errno == EADDRINUSE) return std::nullopt;
        throw host::errno_error("cannot make the socket " + path);
    }
    if (::listen(listener.get(), waiting_clients) != 0) throw host::errno_error("cannot listen on " + path);
    return listener;
}

}  // namespace

std::string name_from_image(std::string_view path) {
    std::string name(path.substr(path.rfind('/') + 1));
    constexpr std::size_t room_for_number = 8;
    name.resize(std::min(name.size(), config::vm_name_max_bytes - room_for_number));
    for (char& c : name) {
        if (!config::is_vm_name(std::string("a") + c)) c = '-';
    }
    return config::is_vm_name(name) ? name : "vm" + name;
}

NameClaim NameClaim::claim(const std::string& name) {
    const LockedFolder folder;
    std::string path = folder.socket_path(name);
    std::optional<host::FileDescriptor> listener = try_listen(path);
    if (!listener)
        throw host::Error(host::ExitCode::name_in_use,
                          fill_in("a VM named {} runs already: choose another --name, or 'husk stop {}'", name, name));
    return {name, std::move(path), std::move(*listener)};
}

NameClaim NameClaim::claim_like(const std::string& name) {
    const LockedFolder folder;
    std::string numbered = name;
    for (unsigned number = 2;; ++number) {
        std::string path = folder.socket_path(numbered);
        if (std::optional<host::FileDescriptor> listener = try_listen(path))
            return {std::move(numbered), std::move(path), std::move(*listener)};
        numbered = name + "-" + std::to_string(number);
    }
}

NameClaim::NameClaim(std::string name, std::string path, host::FileDescriptor listener)
    : name_(std::move(name)), path_(std::move(path)), listener_(std::move(listener)) {}

NameClaim::NameClaim(NameClaim&& other) noexcept
    : name_(std::move(other.name_)), path_(std::exchange(other.path_, {})), listener_(std::move(other.listener_)) {}

NameClaim::~NameClaim() {
    if (!path_.empty()) ::unlink(path_.c_str());
}

host::FileDescriptor try_connect(const std::string& name) {
    const std::string path = LockedFolder().socket_path(name);
    host::FileDescriptor connection = make_socket(0);
    ::setsockopt(connection.get(), SOL_SOCKET, SO_SNDTIMEO, &connect_timeout, sizeof connect_timeout);
    const int error = connect_error(connection.get(), path);
    if (error == 0) return connection;
    if (error == ECONNREFUSED) static_cast<void>(running_names());  // which takes dead ones away
    if (error == ECONNREFUSED || error == ENOENT) return host::FileDescriptor();
    throw host::errno_error(fill_in("cannot reach the VM {}", name), error);
}

std::vector<std::string> running_names() {
    const LockedFolder folder;
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
        std::string name = entry.path().filename().native();
        if (!name.ends_with(suffix)) continue;
        name.resize(name.size() - suffix.size());
        if (!config::is_vm_name(name)) continue;
        if (is_stale(entry.path().native())) {
            ::unlink(entry.path().c_str());
        } else {
            names.push_back(std::move(name));
        }
    }
    std::ranges::sort(names);
    return names;
}

}  // namespace husk::control
