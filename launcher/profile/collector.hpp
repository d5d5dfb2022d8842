// SPDX-License-Identifier: Apache-2.0
// A process beside the launcher that finds out what samples mean: the image's unwind table and symbols are as hostile
// as the guest, and reading them takes time.
//
//   profile::Collector collector(path, image);   // before the VM is made
//   collector.add(view); ...                     // on a vCPU's thread
//   collector.finish();                          // writes the files
#pragma once

#include <sys/types.h>

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>

#include "launcher/host/file_descriptor.hpp"
#include "launcher/image/image.hpp"
#include "launcher/profile/sample.hpp"

namespace husk::profile {

class Collector final {
public:
    // Throws host::Error (host_failure) when a file cannot be written or no process be made.
    Collector(const std::filesystem::path& folded, const image::Image& image);
    Collector(const Collector&) = delete;
    Collector& operator=(const Collector&) = delete;
    ~Collector();

    // Any thread. Never waits for the process: samples queue up, and are lost when they become too many.
    void add(const run::SampleView& view);

    // Says on stderr when samples were lost, or when the process failed.
    void finish();

private:
    void send_samples();

    RuntimeText runtime_;
    host::FileDescriptor to_;
    pid_t process_ = -1;
    std::mutex mutex_;
    std::condition_variable news_;
    std::deque<std::string> queue_;  // encoded samples
    std::size_t queued_bytes_ = 0;
    std::uint64_t lost_ = 0;
    bool is_ending_ = false;
    std::thread sender_;
};

// "<file>.txt", where the report lies.
[[nodiscard]] std::filesystem::path report_path(const std::filesystem::path& folded);

}  // namespace husk::profile
