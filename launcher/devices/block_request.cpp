// SPDX-License-Identifier: Apache-2.0
#include "launcher/devices/block_request.hpp"

#include <algorithm>
#include <cerrno>
#include <span>

#include "launcher/devices/block_config.hpp"

namespace husk::devices {

namespace {

using abi::virtio::BlockRequestHeader;
using abi::virtio::DiscardSegment;
using abi::virtio::sector_bytes;
using backend::IoKind;
namespace feature = abi::virtio::block_feature;
namespace status = abi::virtio::block_status;

constexpr std::uint32_t unmap_flag = 1;
constexpr std::size_t ranges_max = 16;

// The bytes of [sector, sector + size) as an offset, when they are on the disk and whole blocks.
bool is_on_disk(std::uint64_t sector, std::uint64_t size_bytes, const BlockLimits& limits) {
    const std::uint64_t sectors = limits.size_bytes / sector_bytes;
    return sector <= sectors && size_bytes <= (sectors - sector) * sector_bytes &&
           (sector * sector_bytes) % limits.block_bytes == 0 && size_bytes % limits.block_bytes == 0;
}

}  // namespace

bool BlockRequest::parse(const BlockLimits& limits) {
    BlockRequestHeader header{};
    status_byte_ = chain_.writable().try_take_last();
    if (status_byte_ == nullptr) return false;
    if (!chain_.readable().copy_off_front(std::as_writable_bytes(std::span(&header, 1)))) return false;
    plan(header, limits);
    for (backend::IoRequest& operation : operations_) operation.owner = this;
    return true;
}

void BlockRequest::plan(const BlockRequestHeader& header, const BlockLimits& limits) {
    using abi::virtio::BlockRequest;
    const bool read_only = (limits.features & feature::read_only) != 0;
    const bool is_change = header.type == BlockRequest::out || header.type == BlockRequest::discard ||
                           header.type == BlockRequest::write_zeroes;
    if (read_only && is_change) {
        status_ = status::io_error;  // [virtio 5.2.6.2]
        return;
    }
    switch (header.type) {
        case BlockRequest::in:
        case BlockRequest::out:
            plan_transfer(header, limits);
            break;
        case BlockRequest::flush:
            operations_.emplace_back().kind = IoKind::flush;
            break;
        case BlockRequest::get_id:
            store_serial(limits);
            break;
        case BlockRequest::discard:
            if ((limits.features & feature::discard) == 0) {
                status_ = status::unsupported;
            } else {
                plan_ranges(IoKind::discard, limits);
            }
            break;
        case BlockRequest::write_zeroes:
            if ((limits.features & feature::write_zeroes) == 0) {
                status_ = status::unsupported;
            } else {
                plan_ranges(IoKind::write_zeroes, limits);
            }
            break;
        default:
            status_ = status::unsupported;
            break;
    }
}

void BlockRequest::plan_transfer(const BlockRequestHeader& header, const BlockLimits& limits) {
    const bool is_read = header.type == abi::virtio::BlockRequest::in;
    const virtio::Segments& data = is_read ? chain_.writable() : chain_.readable();
    if (data.size_bytes() == 0 || !is_on_disk(header.sector, data.size_bytes(), limits)) {
        status_ = status::io_error;
        return;
    }
    backend::IoRequest operation;
    operation.kind = is_read ? IoKind::read : IoKind::write;
    operation.is_durable = !is_read && !limits.is_write_back;
    operation.offset_bytes = header.sector * sector_bytes;
    operation.size_bytes = data.size_bytes();
    operation.pieces = data.pieces();
    operations_.push_back(operation);
    transfer_bytes_ = data.size_bytes();
    if (is_read)
        written_bytes_ = static_cast<std::uint32_t>(std::min<std::uint64_t>(data.size_bytes(), UINT32_MAX - 1));
}

void BlockRequest::plan_ranges(IoKind kind, const BlockLimits& limits) {
    std::array<DiscardSegment, ranges_max> ranges{};
    const std::uint64_t size_bytes = chain_.readable().size_bytes();
    const std::size_t count = size_bytes / sizeof(DiscardSegment);
    if (count == 0 || count > ranges.size() || size_bytes % sizeof(DiscardSegment) != 0 ||
        !chain_.readable().copy_off_front(std::as_writable_bytes(std::span(ranges).first(count)))) {
        status_ = status::io_error;
        return;
    }
    const std::uint32_t known_flags = kind == IoKind::write_zeroes ? unmap_flag : 0;
    for (const DiscardSegment& range : std::span(ranges).first(count)) {
        if ((range.flags & ~known_flags) != 0) status_ = status::unsupported;  // [virtio 5.2.6.2]
        if (!is_on_disk(range.sector, range.sectors * sector_bytes, limits)) status_ = status::io_error;
    }
    if (status_ != status::ok) return;
    for (const DiscardSegment& range : std::span(ranges).first(count)) {
        if (range.sectors == 0) continue;
        backend::IoRequest operation;
        operation.kind = kind;
        operation.is_durable = !limits.is_write_back;
        operation.may_unmap = (range.flags & unmap_flag) != 0;
        operation.offset_bytes = range.sector * sector_bytes;
        operation.size_bytes = range.sectors * sector_bytes;
        operations_.push_back(operation);
    }
}

void BlockRequest::store_serial(const BlockLimits& limits) {
    written_bytes_ =
        static_cast<std::uint32_t>(chain_.writable().store_off_front(std::as_bytes(std::span(limits.serial))));
}

std::uint32_t BlockRequest::answer() {
    for (const backend::IoRequest& operation : operations_) {
        if (operation.error == 0) continue;
        status_ = operation.error == EOPNOTSUPP ? status::unsupported : status::io_error;
        break;
    }
    *status_byte_ = static_cast<std::byte>(status_);
    return (status_ == status::ok ? written_bytes_ : 0) + 1;
}

}  // namespace husk::devices
