// SPDX-License-Identifier: Apache-2.0
// Keys and values in memory and, given a folder, in a log that survives crashes: what put() and remove() have returned
// from is on the disk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace service {

class KeyValueStore {
public:
    static constexpr std::size_t max_key_bytes = 1024;
    static constexpr std::size_t max_value_bytes = 1 << 20;

    // Reads the log in `folder`, made if missing; a record that a crash cut short ends it. Throws std::system_error.
    explicit KeyValueStore(const std::optional<std::filesystem::path>& folder);
    ~KeyValueStore();
    KeyValueStore(const KeyValueStore&) = delete;
    KeyValueStore& operator=(const KeyValueStore&) = delete;

    [[nodiscard]] std::optional<std::string> get(const std::string& key) const;
    // Both block until the disk has it. Throw std::system_error; then nothing has changed.
    void put(const std::string& key, std::string value);
    bool remove(const std::string& key);
    [[nodiscard]] std::size_t size() const;

private:
    void load();
    void rewrite_without_garbage();
    void append(std::string_view record);

    std::filesystem::path folder_;
    int log_ = -1;
    std::uint64_t log_bytes_ = 0;
    std::map<std::string, std::string, std::less<>> values_;
    mutable std::mutex lock_;
};

}  // namespace service
