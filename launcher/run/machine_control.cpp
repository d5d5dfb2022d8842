// SPDX-License-Identifier: Apache-2.0
// The part of a machine that answers its control socket (docs/control.md).
#include <unistd.h>

#include <csignal>
#include <string>
#include <utility>

#include "launcher/config/json_text.hpp"
#include "launcher/host/clock.hpp"
#include "launcher/host/error.hpp"
#include "launcher/host/patience.hpp"
#include "launcher/run/machine.hpp"

namespace husk::run {

namespace {

config::JsonText begin_answer() {
    config::JsonText json;
    json.begin_object().field("husk", control::protocol_version).field("ok", true);
    return json;
}

// 0 for a vCPU that the guest has not started.
std::uint64_t cpu_ns_of(const VirtualCpu& cpu) {
    const int thread_id = cpu.control.thread_id();
    return thread_id == 0 ? 0 : host::thread_cpu_ns(thread_id);
}

}  // namespace

void Machine::start_control() {
    if (std::exchange(is_control_started_, true)) return;
    event_loop().post([this] { open_control(); });
}

void Machine::open_control() {
    try {
        if (!name_) name_.emplace(control::NameClaim::claim_like(control::name_from_image(config_.image.native())));
        control_.emplace(event_loop(), std::move(*name_),
                         [this](const control::Request& request) { return answer(request); });
        name_.reset();
    } catch (const host::Error& error) {
        // A VM that nobody can ask runs as well as any.
        if (hooks_.on_note) hooks_.on_note(std::string("no control socket: ") + error.what());
    }
}

void Machine::close_devices() {
    // Their last callbacks may still ask for them.
    if (trace_loop_ != nullptr) trace_loop_->stop();
    if (event_loop_ != nullptr) event_loop_->stop();
    trace_loop_.reset();
    event_loop_.reset();
    control_.reset();
    name_.reset();
    devices_.close();
}

std::string Machine::answer(const control::Request& request) {
    switch (request.action) {
        case control::Action::info:
            return info_line();
        case control::Action::stats:
            return stats_line();
        case control::Action::pause:
            is_paused_.store(true);
            cpus_.pause_all();
            break;
        case control::Action::resume:
            is_paused_.store(false);
            cpus_.resume_all();
            break;
        case control::Action::stop:
            if (request.force) {
                host::limit_patience();
                end({0, SIGKILL, std::nullopt});
            } else {
                is_paused_.store(false);
                cpus_.resume_all();
                cpus_.raise_signal(SIGTERM);
            }
            break;
    }
    return begin_answer().end_object().text() + "\n";
}

std::string Machine::info_line() const {
    const auto age = std::chrono::steady_clock::now() - started_at_;
    config::JsonText json = begin_answer();
    json.field("name", control_->name()).field("pid", ::getpid()).field("image", config_.image.native());
    json.field("state", is_paused_.load() ? "paused" : "running").field("cpus", cpus_.count());
    json.field("memory_bytes", memory_.size_bytes());
    json.field("uptime_ms", std::chrono::duration_cast<std::chrono::milliseconds>(age).count());
    return json.end_object().text() + "\n";
}

std::string Machine::stats_line() const {
    config::JsonText json = begin_answer();
    json.field("name", control_->name()).field("time_ns", host::monotonic_ns());
    json.field("state", is_paused_.load() ? "paused" : "running");
    json.key("cpus").begin_array();
    for (const VirtualCpu& cpu : cpus_) json.begin_object().field("cpu_ns", cpu_ns_of(cpu)).end_object();
    json.end_array().key("exits").begin_object();
    const ExitCounts counts = cpus_.counts();
    for (const ExitKind kind : all_exit_kinds) json.field(name_of(kind), counts.exits(kind));
    json.end_object().field("preemptions", counts.upcalls.value());
    json.field("memory_bytes", memory_.size_bytes()).field("memory_resident_bytes", memory_.resident_bytes());
    json.field("memory_backing", memory::name_of(memory_.backing()));
    json.key("devices").begin_object();
    for (const DeviceStats& device : devices_.stats()) {
        json.key(device.name).begin_object().field("requests", device.requests).field("bytes", device.bytes);
        json.field("notifications", device.notifications).field("signals", device.signals).end_object();
    }
    json.end_object();
    return json.end_object().text() + "\n";
}

}  // namespace husk::run
