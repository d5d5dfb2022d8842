// SPDX-License-Identifier: Apache-2.0
// The trace of one run, and where it goes.
#pragma once

#include "launcher/config/debug_config.hpp"
#include "launcher/host/file_descriptor.hpp"
#include "launcher/trace/tracer.hpp"

namespace husk::trace {

class TraceSession final {
public:
    // Throws host::Error (host_failure) when the file cannot be written.
    explicit TraceSession(const config::TraceConfig& config);

    [[nodiscard]] Tracer& tracer() { return tracer_; }

private:
    host::FileDescriptor file_;  // closed: stderr
    Tracer tracer_;
};

}  // namespace husk::trace
