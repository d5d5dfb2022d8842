// SPDX-License-Identifier: Apache-2.0
// The answers of running VMs as text for people and for Prometheus.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

namespace husk::cli {

// What an answer has under a key: 0 or nothing when it is missing or of another kind.
[[nodiscard]] std::uint64_t number_at(const boost::json::object& object, std::string_view key);
[[nodiscard]] std::string text_at(const boost::json::object& object, std::string_view key);

// 512, 4.2K, 17M, ...
[[nodiscard]] std::string as_size(std::uint64_t bytes);

// Columns as wide as their widest cell; all rows have as many cells.
[[nodiscard]] std::string as_table(const std::vector<std::vector<std::string>>& rows);

[[nodiscard]] std::string list_as_text(const std::vector<boost::json::object>& infos);
[[nodiscard]] std::string stats_as_lines(const boost::json::object& stats);
[[nodiscard]] std::string stats_as_prometheus(const boost::json::object& stats);

}  // namespace husk::cli
