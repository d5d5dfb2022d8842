// SPDX-License-Identifier: Apache-2.0
// The names of running VMs: NAME.sock in a folder that only its user can enter.
//
// The folder is $XDG_RUNTIME_DIR/husk, else /run/user/UID/husk, else /tmp/husk-UID. A socket whose VM is dead is
// nobody's: whoever meets it takes it away. All changes are made under a lock of the folder.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "launcher/host/file_descriptor.hpp"

namespace husk::control {

// A name for a VM of this image: its file name, with '-' for what a name cannot have.
[[nodiscard]] std::string name_from_image(std::string_view path);

// A name that this process has, and the socket that listens under it. It is given up at the end.
class NameClaim final {
public:
    // Exactly this name. Throws host::Error: name_in_use, host_failure.
    [[nodiscard]] static NameClaim claim(const std::string& name);
    // This name, or with -2, -3, ... behind it. Throws host::Error.
    [[nodiscard]] static NameClaim claim_like(const std::string& name);

    NameClaim(NameClaim&& other) noexcept;
    NameClaim& operator=(NameClaim&&) = delete;
    NameClaim(const NameClaim&) = delete;
    NameClaim& operator=(const NameClaim&) = delete;
    ~NameClaim();

    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] int listener() const { return listener_.get(); }

private:
    NameClaim(std::string name, std::string path, host::FileDescriptor listener);

    std::string name_;
    std::string path_;
    host::FileDescriptor listener_;
};

// A connection to the VM of that name; not open when there is none. Throws host::Error.
[[nodiscard]] host::FileDescriptor try_connect(const std::string& name);

// The names of all running VMs of this user, sorted. Throws host::Error.
[[nodiscard]] std::vector<std::string> running_names();

}  // namespace husk::control
