// SPDX-License-Identifier: Apache-2.0
// Which answer a path gets, for the routes that answer at once or after a wait for the disk.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>
#include <filesystem>
#include <optional>

#include "key_value_store.hpp"
#include "metrics.hpp"
#include "responses.hpp"

namespace service {

// What all sessions share.
struct Shared {
    KeyValueStore store;
    std::optional<std::filesystem::path> files;
    Metrics metrics;
    boost::asio::thread_pool disk_threads{2};  // where calls that wait for a disk run
};

// Answers `request`, whatever it is; 500 when answering failed.
boost::asio::awaitable<Response> answer(const Request& request, Shared& shared);

}  // namespace service
