// SPDX-License-Identifier: Apache-2.0
#include "launcher/virtio/chain_reader.hpp"

#include <span>
#include <utility>

#include "launcher/config/text.hpp"

namespace husk::virtio {

namespace {

using abi::virtio::Descriptor;
using config::fill_in;
using config::Hex;
namespace flag = abi::virtio::descriptor_flag;

constexpr std::size_t usual_pieces = 4;

}  // namespace

bool ChainReader::read(std::uint16_t head) {
    pieces_.reserve(usual_pieces);
    std::uint16_t index = head;
    // No chain is longer than the queue [virtio 2.7.5.3.1], which ends every loop.
    for (std::uint32_t count = 0; count < size_; ++count) {
        if (index >= size_) return fail(fill_in("descriptor {} does not exist, the queue has {}", index, size_));
        const auto descriptor = memory_.copy_in<Descriptor>(table_ + index * sizeof(Descriptor));
        if (!descriptor) return fail("the descriptor table is not in memory");
        if ((descriptor->flags & flag::indirect) != 0) return read_indirect(*descriptor);
        if (!add(*descriptor)) return false;
        if ((descriptor->flags & flag::next) == 0) return true;
        index = descriptor->next;
    }
    return fail("the chain is longer than the queue, or a loop");
}

bool ChainReader::read_indirect(const Descriptor& reference) {
    if (!with_indirect_) return fail("an indirect descriptor, which was not negotiated");
    if ((reference.flags & flag::next) != 0) return fail("an indirect descriptor that goes on");
    const std::uint32_t count = reference.size_bytes / sizeof(Descriptor);
    if (count == 0 || count > size_ || reference.size_bytes % sizeof(Descriptor) != 0)
        return fail(fill_in("an indirect table of {} bytes", reference.size_bytes));
    std::vector<Descriptor> table(count);
    if (!memory_.copy_in({reference.address}, std::as_writable_bytes(std::span(table))))
        return fail(fill_in("an indirect table at {}, where there is no memory", Hex{reference.address}));
    std::uint32_t index = 0;
    for (std::uint32_t walked = 0; walked < count; ++walked) {
        const Descriptor& descriptor = table[index];
        if ((descriptor.flags & flag::indirect) != 0) return fail("an indirect descriptor in an indirect table");
        if (!add(descriptor)) return false;
        if ((descriptor.flags & flag::next) == 0) return true;
        index = descriptor.next;
        if (index >= count) return fail(fill_in("descriptor {} of an indirect table of {}", index, count));
    }
    return fail("an indirect table that is a loop");
}

bool ChainReader::add(const Descriptor& descriptor) {
    const bool is_writable = (descriptor.flags & flag::write) != 0;
    // What the device writes comes behind all that it reads [virtio 2.7.4.2].
    if (!is_writable && readable_count_ != pieces_.size()) return fail("a readable descriptor behind a writable one");
    if (descriptor.size_bytes == 0) return fail("a descriptor of 0 bytes");
    const std::span<std::byte> bytes = memory_.try_span({descriptor.address}, descriptor.size_bytes);
    if (bytes.empty()) {
        return fail(
            fill_in("{} bytes at {}, where there is no memory", descriptor.size_bytes, Hex{descriptor.address}));
    }
    pieces_.push_back({bytes.data(), bytes.size()});
    if (!is_writable) ++readable_count_;
    return true;
}

bool ChainReader::fail(std::string what) {
    fault_ = std::move(what);
    return false;
}

}  // namespace husk::virtio
