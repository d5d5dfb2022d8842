// SPDX-License-Identifier: Apache-2.0
// An engine on io_uring; the only door to liburing.
#pragma once

#include <memory>

#include "launcher/backend/disk_file.hpp"
#include "launcher/backend/io_engine.hpp"

namespace husk::backend {

class UringEngine final : public IoEngine {
public:
    // null: the kernel has no io_uring, forbids it, or lacks an operation.
    [[nodiscard]] static std::unique_ptr<UringEngine> try_create(DiskFile& file);
    ~UringEngine() override;

    void submit(IoRequest& request) override;
    void start() override;
    void collect(std::vector<IoRequest*>& done) override;
    void wait() override;
    [[nodiscard]] int ready_fd() const override;
    void follow_this_thread() override;
    [[nodiscard]] std::string_view name() const override { return "io_uring"; }

private:
    struct Ring;
    UringEngine(DiskFile& file, std::unique_ptr<Ring> ring);
    void prepare(IoRequest& request);
    void finish(IoRequest& request, int result);

    DiskFile& file_;
    std::unique_ptr<Ring> ring_;
    std::vector<IoRequest*> done_early_;  // needed no system call
    bool may_have_workers_ = false;       // the kernel's threads
};

}  // namespace husk::backend
