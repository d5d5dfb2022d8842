// SPDX-License-Identifier: Apache-2.0
#include "launcher/backend/uring_engine.hpp"

#include <fcntl.h>
#include <liburing.h>
#include <sched.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <utility>

#include "launcher/backend/io_vector.hpp"

namespace husk::backend {

namespace {

// More than a queue of ours has entries, so that submitting never has to wait.
constexpr unsigned ring_entries = 256;
constexpr std::array needed_operations = {IORING_OP_READ, IORING_OP_WRITE, IORING_OP_READV, IORING_OP_WRITEV,
                                          IORING_OP_FSYNC};

}  // namespace

struct UringEngine::Ring {
    io_uring uring{};
    Ring() = default;
    Ring(const Ring&) = delete;
    Ring& operator=(const Ring&) = delete;
    ~Ring() {
        if (is_open) ::io_uring_queue_exit(&uring);
    }
    bool is_open = false;
};

std::unique_ptr<UringEngine> UringEngine::try_create(DiskFile& file) {
    auto ring = std::make_unique<Ring>();
    if (::io_uring_queue_init(ring_entries, &ring->uring, 0) != 0) return nullptr;
    ring->is_open = true;
    io_uring_probe* const probe = ::io_uring_get_probe_ring(&ring->uring);
    bool has_all = probe != nullptr;
    for (const int operation : needed_operations)
        has_all = has_all && ::io_uring_opcode_supported(probe, operation) != 0;
    ::io_uring_free_probe(probe);
    if (!has_all) return nullptr;
    return std::unique_ptr<UringEngine>(new UringEngine(file, std::move(ring)));
}

UringEngine::UringEngine(DiskFile& file, std::unique_ptr<Ring> ring) : file_(file), ring_(std::move(ring)) {}

UringEngine::~UringEngine() = default;

void UringEngine::submit(IoRequest& request) {
    const bool is_transfer = request.kind == IoKind::read || request.kind == IoKind::write;
    if ((request.kind == IoKind::flush && file_.fakes_flush()) || (is_transfer && request.pieces.size() > IOV_MAX)) {
        carry_out(request, file_);
        done_early_.push_back(&request);
        return;
    }
    // Rare, and their fallbacks are in one place: not worth an operation of the ring each.
    if (request.kind == IoKind::discard || request.kind == IoKind::write_zeroes) {
        carry_out(request, file_);
        done_early_.push_back(&request);
        return;
    }
    prepare(request);
}

void UringEngine::prepare(IoRequest& request) {
    io_uring_sqe* entry = ::io_uring_get_sqe(&ring_->uring);
    while (entry == nullptr) {
        start();
        entry = ::io_uring_get_sqe(&ring_->uring);
    }
    const int fd = file_.fd();
    const std::uint64_t offset = request.offset_bytes;
    const std::span<iovec> pieces = request.pieces;
    const auto count = static_cast<unsigned>(pieces.size());
    const bool is_single = count == 1 && pieces.front().iov_len <= INT_MAX;
    const auto length = is_single ? static_cast<unsigned>(pieces.front().iov_len) : 0;
    if (request.kind == IoKind::flush) {
        ::io_uring_prep_fsync(entry, fd, IORING_FSYNC_DATASYNC);
    } else if (request.kind == IoKind::read) {
        if (is_single) {
            ::io_uring_prep_read(entry, fd, pieces.front().iov_base, length, offset);
        } else {
            ::io_uring_prep_readv(entry, fd, pieces.data(), count, offset);
        }
    } else {
        if (is_single) {
            ::io_uring_prep_write(entry, fd, pieces.front().iov_base, length, offset);
        } else {
            ::io_uring_prep_writev(entry, fd, pieces.data(), count, offset);
        }
        if (request.is_durable && !file_.fakes_flush()) entry->rw_flags = RWF_DSYNC;
    }
    ::io_uring_sqe_set_data(entry, &request);
    if (request.kind != IoKind::read) may_have_workers_ = true;
}

void UringEngine::start() {
    while (::io_uring_sq_ready(&ring_->uring) != 0) {
        const int result = ::io_uring_submit(&ring_->uring);
        if (result < 0 && result != -EINTR && result != -EAGAIN && result != -EBUSY) break;
    }
}

void UringEngine::collect(std::vector<IoRequest*>& done) {
    done.insert(done.end(), done_early_.begin(), done_early_.end());
    done_early_.clear();
    io_uring_cqe* entry = nullptr;
    while (::io_uring_peek_cqe(&ring_->uring, &entry) == 0) {
        auto* const request = static_cast<IoRequest*>(::io_uring_cqe_get_data(entry));
        const int result = entry->res;
        ::io_uring_cqe_seen(&ring_->uring, entry);
        finish(*request, result);
        done.push_back(request);
    }
}

void UringEngine::finish(IoRequest& request, int result) {
    if (result < 0) {
        request.error = -result;
        if (result == -EAGAIN || result == -EINTR) carry_out(request, file_);
        return;
    }
    request.error = 0;
    if (request.kind == IoKind::flush) return;
    request.pieces = drop_front(request.pieces, static_cast<std::size_t>(result));
    if (request.pieces.empty()) return;
    // A short transfer: at the end of a truncated file, or where the kernel was interrupted. The rest tells which.
    request.offset_bytes += static_cast<std::uint64_t>(result);
    carry_out(request, file_);
}

void UringEngine::wait() {
    if (!done_early_.empty()) return;
    io_uring_cqe* entry = nullptr;
    ::io_uring_wait_cqe(&ring_->uring, &entry);
}

// The kernel's threads, which carry out what may block: they would wait for a guest that watches for their result. What
// the kernel refuses changes only the speed: the first needs Linux 5.14, the second 6.3.
void UringEngine::follow_this_thread() {
    cpu_set_t cpus;
    if (::sched_getaffinity(0, sizeof cpus, &cpus) != 0) return;
    (void)::io_uring_register_iowq_aff(&ring_->uring, sizeof cpus, &cpus);
    // That was for those to come. A boot that only reads does not look for others.
    if (!may_have_workers_) return;
    const std::string name = "iou-wrk-" + std::to_string(::gettid());
    std::error_code error;
    for (std::filesystem::directory_iterator task("/proc/self/task", error), end; !error && task != end;
         task.increment(error)) {
        std::string its_name;
        if (!std::getline(std::ifstream(task->path() / "comm"), its_name) || its_name != name) continue;
        (void)::sched_setaffinity(std::stoi(task->path().filename()), sizeof cpus, &cpus);
    }
}

int UringEngine::ready_fd() const { return ring_->uring.ring_fd; }

}  // namespace husk::backend
