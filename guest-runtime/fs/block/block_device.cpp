// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/block/block_device.hpp"

namespace husk::block {

std::optional<Errno> BlockDevice::refusal(const BlockRequest& request) const {
    if (request.operation == Operation::flush || request.operation == Operation::read_serial) return {};
    std::uint64_t mask = logical_block_bytes() - 1;
    if (request.size_bytes == 0 || ((request.offset | request.size_bytes) & mask) != 0) return Errno::einval;
    if (request.offset > size_bytes() || request.size_bytes > size_bytes() - request.offset) return Errno::einval;
    if (request.operation == Operation::read) return {};
    if (is_read_only()) return Errno::erofs;
    if (request.operation == Operation::write) return {};
    std::uint64_t most = request.operation == Operation::discard ? max_discard_bytes() : max_write_zeroes_bytes();
    if (most == 0) return Errno::eopnotsupp;
    return request.size_bytes > most ? std::optional(Errno::einval) : std::nullopt;
}

bool BlockDevice::answer_at_once(BlockRequest& request) {
    request.sent_bytes = request.done_bytes = 0;
    request.error = refusal(request);
    bool is_change = request.operation == Operation::write || request.operation == Operation::discard ||
                     request.operation == Operation::write_zeroes;
    if (is_change && !request.error) was_changed_.store(true, std::memory_order_relaxed);
    return request.error || (request.operation == Operation::flush && !has_write_cache());
}

void BlockDevice::submit(BlockRequest& request) {
    if (answer_at_once(request)) return request.on_done();
    List<BlockRequest> requests;
    requests.push_back(request);
    start(requests);
}

void BlockDevice::submit(List<BlockRequest>& requests) {
    List<BlockRequest> possible;
    while (BlockRequest* request = requests.pop_front()) {
        if (answer_at_once(*request)) {
            request->on_done();
        } else {
            possible.push_back(*request);
        }
    }
    if (!possible.empty()) start(possible);
}

}  // namespace husk::block
