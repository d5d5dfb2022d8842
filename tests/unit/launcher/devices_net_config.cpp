// SPDX-License-Identifier: Apache-2.0
#include "launcher/devices/net_config.hpp"

#include <doctest/doctest.h>

using namespace husk;
using devices::NetFacts;
namespace feature = abi::virtio::net_feature;

TEST_CASE("a device offers what its network can take") {
    NetFacts facts;
    CHECK((devices::net_features(facts) & (feature::csum | feature::host_tso4 | feature::ctrl_vq)) == 0);
    CHECK((devices::net_features(facts) & feature::mrg_rxbuf) != 0);
    facts.offloads = {true, true, false, false};
    facts.queue_pairs = 2;
    const std::uint64_t features = devices::net_features(facts);
    CHECK((features & feature::csum) != 0);
    CHECK((features & feature::guest_tso4) != 0);
    CHECK((features & feature::host_tso6) == 0);
    CHECK((features & feature::multi_queue) != 0);
    CHECK(devices::net_queue_count(facts) == 5);
}

TEST_CASE("segmentation for the guest needs its checksum") {
    CHECK(devices::guest_offloads(feature::guest_tso4) == backend::NetOffloads{});
    CHECK(devices::guest_offloads(feature::guest_csum | feature::guest_tso4) ==
          backend::NetOffloads{true, true, false, false});
    CHECK_FALSE(devices::guest_offloads(feature::guest_csum | feature::guest_uso4).uso);
}
