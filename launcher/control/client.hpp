// SPDX-License-Identifier: Apache-2.0
// Asks a running VM something over its control socket.
#pragma once

#include <optional>
#include <string>

#include <boost/json/object.hpp>

#include "launcher/control/request.hpp"
#include "launcher/host/file_descriptor.hpp"

namespace husk::control {

// A connection to one VM. Throws host::Error: no_such_vm, host_failure; the VM's own refusal too.
class Client final {
public:
    explicit Client(const std::string& name);

    // The answer. Throws when the VM ends, refuses, or says nothing for 5 seconds.
    [[nodiscard]] boost::json::object ask(const Request& request);

    // Waits until the VM has ended. false: it still runs after timeout_ms.
    [[nodiscard]] bool wait_for_end(int timeout_ms);

private:
    [[nodiscard]] std::string read_line();

    std::string name_;
    host::FileDescriptor socket_;
    std::string received_;
};

// The same, for VMs that may end at any time: nothing when it has.
[[nodiscard]] std::optional<boost::json::object> try_ask(const std::string& name, const Request& request);

}  // namespace husk::control
