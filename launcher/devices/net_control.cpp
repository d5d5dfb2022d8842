// SPDX-License-Identifier: Apache-2.0
#include "launcher/devices/net_control.hpp"

#include <cstddef>
#include <span>

#include <husk/abi/virtio/net.hpp>

namespace husk::devices {

namespace {

namespace control = abi::virtio::net_control;

template <class Value>
std::optional<Value> take(virtio::Segments& readable) {
    Value value{};
    if (!readable.copy_off_front(std::as_writable_bytes(std::span(&value, 1)))) return std::nullopt;
    return value;
}

std::optional<std::uint32_t> wanted_pairs(virtio::Segments& readable, std::uint32_t queue_pairs_max) {
    const auto command = take<abi::virtio::NetControl>(readable);
    if (!command || command->command_class != control::class_multi_queue ||
        command->command != control::multi_queue_pairs_set)
        return std::nullopt;
    const auto pairs = take<std::uint16_t>(readable);
    if (!pairs || *pairs == 0 || *pairs > queue_pairs_max) return std::nullopt;
    return *pairs;
}

}  // namespace

std::optional<NetControlAnswer> answer_net_control(virtio::Chain& chain, std::uint32_t queue_pairs_max) {
    if (chain.writable().size_bytes() == 0) return std::nullopt;
    NetControlAnswer answer;
    answer.queue_pairs = wanted_pairs(chain.readable(), queue_pairs_max);
    const std::byte status{answer.queue_pairs ? control::ok : control::error};
    answer.written_bytes = static_cast<std::uint32_t>(chain.writable().store_off_front(std::span(&status, 1)));
    return answer;
}

}  // namespace husk::devices
