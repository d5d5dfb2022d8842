// SPDX-License-Identifier: Apache-2.0
#include "launcher/trace/trace_session.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "launcher/host/errno_error.hpp"
#include "launcher/report/write_text.hpp"

namespace husk::trace {

namespace {

host::FileDescriptor open_file(const config::TraceConfig& config) {
    constexpr mode_t everybody = 0666;  // but for the umask
    if (!config.file) return {};
    host::FileDescriptor file(::open(config.file->c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, everybody));
    if (!file.is_open()) throw host::errno_error("cannot write the trace to " + config.file->native());
    return file;
}

}  // namespace

TraceSession::TraceSession(const config::TraceConfig& config)
    : file_(open_file(config)), tracer_([this](std::string_view text) {
          report::write_text(file_.is_open() ? file_.get() : STDERR_FILENO, text);
      }) {}

}  // namespace husk::trace
