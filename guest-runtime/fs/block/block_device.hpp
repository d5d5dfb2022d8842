// SPDX-License-Identifier: Apache-2.0
// A disk as file systems and the page cache see it: requests go in, each is answered once, many at a time.
//
//   class MyRequest final : public BlockRequest { void on_done() override { ... } };
//   request.operation = Operation::read; request.offset = ...; request.size_bytes = ...; request.pieces = ...;
//   device.submit(request);      // never sleeps; on_done() may run before it returns
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include <husk/abi/guest_address.hpp>

#include "guest-runtime/base/intrusive_list.hpp"
#include "guest-runtime/base/result.hpp"

namespace husk::block {

enum class Operation : std::uint8_t {
    read,
    write,
    flush,         // what was answered before is on stable storage when this is answered; no offset, no size
    discard,       // the contents of the range no longer matter; no pieces
    write_zeroes,  // no pieces either
    read_serial,   // 20 bytes, padded with NULs; no offset, no size
};

// Bytes of one frame, or of frames that lie one behind the other.
struct Piece {
    abi::GuestPhys begin;
    std::uint64_t size_bytes;
};

// Belongs to the device, with its pieces and their memory, from submit() to on_done(). Requests in flight at the same
// time may be carried out in any order, also those of one range.
class BlockRequest : public ListNode<> {
public:
    BlockRequest() = default;
    BlockRequest(const BlockRequest&) = delete;
    BlockRequest& operator=(const BlockRequest&) = delete;

    Operation operation = Operation::read;
    std::uint64_t offset = 0;       // bytes; this and size_bytes are multiples of logical_block_bytes()
    std::uint64_t size_bytes = 0;   // of all pieces together
    std::span<const Piece> pieces;  // each of a size that is a multiple of 512
    std::optional<Errno> error;     // set when on_done() is called

    // On any vCPU, with none of the device's locks held: may submit, unpark, take Spinlocks and destroy the request;
    // must not sleep.
    virtual void on_done() = 0;

    // The device's own, like the list node: what was handed over, and what of that has been answered.
    std::uint64_t sent_bytes = 0;
    std::uint64_t done_bytes = 0;

protected:
    ~BlockRequest() = default;
};

class BlockDevice {
public:
    constexpr BlockDevice() = default;
    BlockDevice(const BlockDevice&) = delete;
    BlockDevice& operator=(const BlockDevice&) = delete;

    [[nodiscard]] virtual std::string_view name() const = 0;  // "vda"
    [[nodiscard]] virtual std::uint64_t size_bytes() const = 0;
    [[nodiscard]] virtual std::uint32_t logical_block_bytes() const { return 512; }
    [[nodiscard]] virtual std::uint32_t physical_block_bytes() const { return logical_block_bytes(); }
    [[nodiscard]] virtual bool is_read_only() const { return false; }
    // Whether flush means something; without a volatile cache it is answered at once.
    [[nodiscard]] virtual bool has_write_cache() const { return true; }
    // Largest range of one discard or write_zeroes; 0: the device cannot (EOPNOTSUPP).
    [[nodiscard]] virtual std::uint64_t max_discard_bytes() const { return 0; }
    [[nodiscard]] virtual std::uint64_t max_write_zeroes_bytes() const { return 0; }
    // Its length; 0: it has none. Sleeps.
    virtual Result<std::size_t> read_serial(std::span<char>) { return std::size_t{0}; }

    // Whether this VM has asked for a change of what is on it. Otherwise its end needs no flush; an fsync does, since
    // an earlier VM that was killed may have left changes that are not stable.
    [[nodiscard]] bool was_changed() const { return was_changed_.load(std::memory_order_relaxed); }

    // Errors: EIO; EINVAL for a range that is misaligned or beyond the end; EROFS; EOPNOTSUPP.
    void submit(BlockRequest& request);
    // All of them with one notification; the list is empty afterwards.
    void submit(List<BlockRequest>& requests);

protected:
    ~BlockDevice() = default;
    // Takes requests that are in range and possible.
    virtual void start(List<BlockRequest>& requests) = 0;

private:
    [[nodiscard]] std::optional<Errno> refusal(const BlockRequest& request) const;
    // True: the request was answered without the device.
    bool answer_at_once(BlockRequest& request);

    std::atomic<bool> was_changed_ = false;
};

}  // namespace husk::block
