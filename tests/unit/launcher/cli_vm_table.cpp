// SPDX-License-Identifier: Apache-2.0
#include "launcher/cli/vm_table.hpp"

#include <doctest/doctest.h>

#include <boost/json.hpp>

#include "launcher/cli/vm_text.hpp"

using namespace husk;

namespace {

boost::json::object stats_at(std::uint64_t time_ns, std::uint64_t count) {
    return {{"name", "web"},
            {"state", "running"},
            {"time_ns", time_ns},
            {"cpus", {{{"cpu_ns", count * 10'000'000}}, {{"cpu_ns", 0}}}},
            {"exits", {{"wait", count}, {"wake", 2 * count}}},
            {"memory_bytes", 1 << 20},
            {"memory_resident_bytes", 4096},
            {"devices", {{"vda", {{"bytes", count * 1000}}}, {"eth0", {{"bytes", count * 10}}}}}};
}

}  // namespace

TEST_CASE("rates are differences over the time between two looks") {
    const auto uses = cli::uses_between({stats_at(0, 100)}, {stats_at(2'000'000'000, 300)});
    REQUIRE(uses.size() == 1);
    CHECK(uses[0].cpu_percent == std::vector<double>{100, 0});
    CHECK(uses[0].exits_per_second.at("wait") == 100);
    CHECK(uses[0].all_exits_per_second == 300);
    CHECK(uses[0].disk_bytes_per_second == 100'000);
    CHECK(uses[0].net_bytes_per_second == 1000);
    CHECK(cli::uses_as_text(uses).find("web") != std::string::npos);
    CHECK(boost::json::parse(cli::uses_as_json(uses)).as_array().size() == 1);
}

TEST_CASE("another VM of the same name has no negative rates, and a strange answer no effect") {
    const auto uses = cli::uses_between({stats_at(0, 300)}, {stats_at(1'000'000'000, 100)});
    REQUIRE(uses.size() == 1);
    CHECK(uses[0].all_exits_per_second == 0);
    CHECK(cli::uses_between({}, {stats_at(0, 1)}).empty());
    const boost::json::object strange{{"name", "x"}, {"cpus", 3}, {"exits", {1, 2}}, {"time_ns", "soon"}};
    CHECK(cli::uses_between({strange}, {strange}).size() == 1);
}

TEST_CASE("sizes keep two or more digits") {
    CHECK(cli::as_size(0) == "0");
    CHECK(cli::as_size(1023) == "1023");
    CHECK(cli::as_size(1536) == "1.5K");
    CHECK(cli::as_size(256 << 20) == "256M");
}

TEST_CASE("Prometheus gets each metric declared once, with labels") {
    const std::string text = cli::stats_as_prometheus(stats_at(5, 7));
    CHECK(text.find("# TYPE husk_cpu_ns_total counter\nhusk_cpu_ns_total{vm=\"web\",cpu=\"0\"} 70000000\n") !=
          std::string::npos);
    CHECK(text.find("husk_exits_total{vm=\"web\",kind=\"wake\"} 14\n") != std::string::npos);
    CHECK(text.find("husk_devices_bytes_total{vm=\"web\",device=\"vda\"} 7000\n") != std::string::npos);
    CHECK(text.find("# TYPE husk_memory_bytes gauge\n") != std::string::npos);
    CHECK(text.find("TYPE husk_exits_total") == text.rfind("TYPE husk_exits_total"));
}
