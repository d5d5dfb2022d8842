// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/ram_directory_index.hpp"

#include <random>
#include <set>
#include <string>

#include <doctest/doctest.h>

#include "guest-runtime/fs/anonymous_inode.hpp"

using namespace husk;
using fs::RamDirectoryIndex;

namespace {

RefPtr<fs::Inode> some_inode() {
    auto inode = fs::make_anonymous_inode("[test]");
    REQUIRE(inode.ok());
    return std::move(inode).value();
}

}  // namespace

TEST_CASE("a hundred thousand names are found, listed once each and removed") {
    RamDirectoryIndex index;
    RefPtr<fs::Inode> inode = some_inode();
    constexpr int count = 100'000;
    for (int i = 0; i < count; ++i) REQUIRE(index.add("name" + std::to_string(i), inode).ok());
    CHECK(index.count() == count);
    CHECK(index.find("name0") != nullptr);
    CHECK(index.find("name99999")->name() == "name99999");
    CHECK(index.find("name100000") == nullptr);
    std::set<std::string> names;
    for (std::uint32_t slot = 0; slot < index.slot_end(); ++slot) {
        REQUIRE(index.at_slot(slot) != nullptr);
        names.emplace(index.at_slot(slot)->name());
    }
    CHECK(names.size() == count);
    for (int i = 0; i < count; ++i) CHECK(index.remove(index.find("name" + std::to_string(i))) == inode);
    CHECK(index.count() == 0);
}

TEST_CASE("a listing neither skips nor repeats entries that stay while others come and go") {
    std::mt19937 random(3);
    RamDirectoryIndex index;
    RefPtr<fs::Inode> inode = some_inode();
    for (int i = 0; i < 500; ++i) REQUIRE(index.add("stays" + std::to_string(i), inode).ok());
    std::set<std::string> guests;
    std::set<std::string> seen;
    int next = 0;
    for (std::uint32_t slot = 0; slot < index.slot_end(); ++slot) {
        if (fs::RamEntry* entry = index.at_slot(slot)) {
            std::string name(entry->name());
            if (name.starts_with("stays")) CHECK(seen.insert(name).second);
        }
        if (random() % 2 == 0 && !guests.empty()) {
            index.remove(index.find(*guests.begin()));
            guests.erase(guests.begin());
        } else if (next < 2000) {
            guests.insert("guest" + std::to_string(next));
            REQUIRE(index.add("guest" + std::to_string(next++), inode).ok());
        }
    }
    CHECK(seen.size() == 500);
}
