// SPDX-License-Identifier: Apache-2.0
#include "key_value_store.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <boost/crc.hpp>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

namespace service {

namespace {

// A record is this header, the key, the value. value_bytes == removed: the key goes.
struct Header {
    std::uint32_t crc;  // of all that follows
    std::uint32_t key_bytes;
    std::uint32_t value_bytes;
};
constexpr std::uint32_t removed = UINT32_MAX;

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

void check(bool worked, const char* what) {
    if (!worked) fail(what);
}

std::uint32_t crc_of(std::string_view bytes) {
    boost::crc_32_type crc;
    crc.process_bytes(bytes.data(), bytes.size());
    return crc.checksum();
}

std::string make_record(std::string_view key, const std::string* value) {
    Header header{0, static_cast<std::uint32_t>(key.size()),
                  value != nullptr ? static_cast<std::uint32_t>(value->size()) : removed};
    std::string record(reinterpret_cast<const char*>(&header), sizeof header);
    record.append(key);
    if (value != nullptr) record.append(*value);
    header.crc = crc_of(std::string_view(record).substr(sizeof header.crc));
    std::memcpy(record.data(), &header.crc, sizeof header.crc);
    return record;
}

void write_all(int file, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(file, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        check(written > 0, "cannot write the store");
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
}

void sync_folder(const std::filesystem::path& folder) {
    const int directory = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    check(directory >= 0, "cannot open the store's folder");
    const bool synced = ::fsync(directory) == 0;
    ::close(directory);
    check(synced, "cannot sync the store's folder");
}

}  // namespace

KeyValueStore::KeyValueStore(const std::optional<std::filesystem::path>& folder) {
    if (!folder) return;
    folder_ = *folder;
    std::filesystem::create_directories(folder_);
    load();
    rewrite_without_garbage();
}

KeyValueStore::~KeyValueStore() {
    if (log_ >= 0) ::close(log_);
}

void KeyValueStore::load() {
    std::ifstream file(folder_ / "store.log", std::ios::binary);
    const std::string all{std::istreambuf_iterator<char>(file), {}};
    std::string_view rest = all;
    while (rest.size() >= sizeof(Header)) {
        Header header;
        std::memcpy(&header, rest.data(), sizeof header);
        const std::uint64_t value_bytes = header.value_bytes == removed ? 0 : header.value_bytes;
        const std::uint64_t record_bytes = sizeof header + std::uint64_t{header.key_bytes} + value_bytes;
        if (record_bytes > rest.size()) return;
        const std::string_view record = rest.substr(0, record_bytes);
        if (crc_of(record.substr(sizeof header.crc)) != header.crc) return;
        const std::string key(record.substr(sizeof header, header.key_bytes));
        if (header.value_bytes == removed) {
            values_.erase(key);
        } else {
            values_[key] = record.substr(sizeof header + header.key_bytes);
        }
        rest.remove_prefix(record_bytes);
    }
}

// A fresh log takes the old one's place in one step: at any moment one of the two is whole.
void KeyValueStore::rewrite_without_garbage() {
    const std::filesystem::path fresh = folder_ / "store.new";
    log_ = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
    check(log_ >= 0, "cannot make the store");
    std::string records;
    for (const auto& [key, value] : values_) records += make_record(key, &value);
    write_all(log_, records);
    log_bytes_ = records.size();
    check(::fsync(log_) == 0, "cannot sync the store");
    std::filesystem::rename(fresh, folder_ / "store.log");
    sync_folder(folder_);
}

void KeyValueStore::append(std::string_view record) {
    if (log_ < 0) return;
    try {
        write_all(log_, record);
        check(::fdatasync(log_) == 0, "cannot sync the store");
    } catch (...) {
        // Half a record would hide all that follows it.
        if (::ftruncate(log_, static_cast<off_t>(log_bytes_)) != 0) fail("cannot repair the store");
        throw;
    }
    log_bytes_ += record.size();
}

std::optional<std::string> KeyValueStore::get(const std::string& key) const {
    const std::lock_guard guard(lock_);
    const auto found = values_.find(key);
    if (found == values_.end()) return std::nullopt;
    return found->second;
}

void KeyValueStore::put(const std::string& key, std::string value) {
    const std::lock_guard guard(lock_);
    append(make_record(key, &value));
    values_[key] = std::move(value);
}

bool KeyValueStore::remove(const std::string& key) {
    const std::lock_guard guard(lock_);
    if (!values_.contains(key)) return false;
    append(make_record(key, nullptr));
    values_.erase(key);
    return true;
}

std::size_t KeyValueStore::size() const {
    const std::lock_guard guard(lock_);
    return values_.size();
}

}  // namespace service
