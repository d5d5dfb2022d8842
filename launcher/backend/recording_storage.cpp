// SPDX-License-Identifier: Apache-2.0
#include "launcher/backend/recording_storage.hpp"

#include <fcntl.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "launcher/backend/io_vector.hpp"
#include "launcher/backend/pool_engine.hpp"
#include "launcher/config/text.hpp"
#include "launcher/host/error.hpp"

namespace husk::backend {

RecordingStorage::RecordingStorage(std::unique_ptr<Storage> below, const std::filesystem::path& record)
    : below_(std::move(below)),
      record_(::open(record.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0666)) {
    if (!record_.is_open())
        throw host::Error(host::ExitCode::disk_unreadable,
                          config::fill_in("cannot write the record {}: {}", record.native(), strerrordesc_np(errno)));
}

int RecordingStorage::write(std::uint64_t offset, std::span<iovec> pieces) {
    // One copy for both: the guest may change its memory meanwhile.
    std::vector<std::byte> data;
    for (const iovec& piece : pieces) {
        const auto* const begin = static_cast<const std::byte*>(piece.iov_base);
        data.insert(data.end(), begin, begin + piece.iov_len);
    }
    iovec whole{data.data(), data.size()};
    if (const int error = below_->write(offset, {&whole, 1}); error != 0) return error;
    return append({RecordKind::write, offset, data.size()}, data);
}

int RecordingStorage::flush() {
    std::uint64_t reached = 0;
    {
        const std::lock_guard lock(mutex_);
        reached = changes_;
    }
    if (const int error = below_->flush(); error != 0) return error;
    return append({RecordKind::flush, reached, 0}, {});
}

int RecordingStorage::discard(std::uint64_t offset, std::uint64_t size_bytes) {
    // In the record it leaves zeros, and so it must here.
    return write_zeroes(offset, size_bytes, true);
}

int RecordingStorage::write_zeroes(std::uint64_t offset, std::uint64_t size_bytes, bool may_unmap) {
    if (const int error = below_->write_zeroes(offset, size_bytes, may_unmap); error != 0) return error;
    return append({RecordKind::zero, offset, size_bytes}, {});
}

int RecordingStorage::append(const RecordEntry& entry, std::span<const std::byte> data) {
    const std::lock_guard lock(mutex_);
    RecordEntry copy = entry;
    std::array pieces{iovec{&copy, sizeof copy}, iovec{const_cast<std::byte*>(data.data()), data.size()}};
    if (entry.kind != RecordKind::flush) ++changes_;
    return write_all(record_.get(), 0, std::span(pieces).first(data.empty() ? 1 : 2));
}

std::unique_ptr<IoEngine> RecordingStorage::make_engine() { return std::make_unique<PoolEngine>(*this); }

}  // namespace husk::backend
