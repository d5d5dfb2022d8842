// SPDX-License-Identifier: Apache-2.0
#include "launcher/devices/net_control.hpp"

#include <cstddef>
#include <span>
#include <utility>

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

NetControl::NetControl(virtio::Device::NumberedQueue numbered, std::uint32_t queue_pairs_max,
                       std::function<void(std::uint32_t)> use_pairs)
    : numbered_(std::move(numbered)), queue_pairs_max_(queue_pairs_max), use_pairs_(std::move(use_pairs)) {}

bool NetControl::serve() {
    if (fault_) return false;
    bool obeyed_any = false;
    while (auto chain = numbered_.queue.try_take()) {
        const auto answer = answer_net_control(*chain, queue_pairs_max_);
        if (!answer) {
            chain->abandon();
            fault_ = "a command has no room for its answer";
            return true;
        }
        if (answer->queue_pairs) use_pairs_(*answer->queue_pairs);
        numbered_.queue.complete(std::move(*chain), answer->written_bytes);
        obeyed_any = true;
    }
    return obeyed_any;
}

}  // namespace husk::devices
