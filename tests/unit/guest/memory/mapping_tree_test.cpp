// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/memory/mapping_tree.hpp"

#include <map>
#include <memory>
#include <random>

#include <doctest/doctest.h>

namespace husk::memory {

TEST_CASE("the range tree answers like a sorted list, gaps included") {
    constexpr std::uint64_t pages = 400;
    std::mt19937_64 random(5);
    MappingTree tree;
    std::map<std::uint64_t, std::unique_ptr<Mapping>> list;
    auto is_free = [&](std::uint64_t begin, std::uint64_t end) {
        for (auto& [at, mapping] : list) {
            if (mapping->begin < end && begin < mapping->end) return false;
        }
        return true;
    };
    for (int step = 0; step < 6000; ++step) {
        std::uint64_t begin = random() % pages * abi::page_size;
        std::uint64_t end = begin + (1 + random() % 12) * abi::page_size;
        REQUIRE(tree.is_free(begin, end) == is_free(begin, end));
        if (is_free(begin, end)) {
            auto mapping = std::make_unique<Mapping>();
            mapping->begin = begin;
            mapping->end = end;
            tree.insert(*mapping);
            list[begin] = std::move(mapping);
        } else if (Mapping* hit = tree.find(begin); hit != nullptr && random() % 2 == 0) {
            if (hit->pages() > 1 && random() % 2 == 0) {
                tree.resize(*hit, hit->begin, hit->end - abi::page_size);
            } else {
                tree.erase(*hit);
                list.erase(hit->begin);
            }
        }

        std::uint64_t va = random() % (pages + 20) * abi::page_size;
        Mapping* containing = nullptr;
        Mapping* after = nullptr;
        Mapping* before = nullptr;
        for (auto& [at, mapping] : list) {
            if (mapping->begin <= va && va < mapping->end) containing = mapping.get();
            if (mapping->end > va && after == nullptr) after = mapping.get();
            if (mapping->begin < va) before = mapping.get();
        }
        REQUIRE(tree.find(va) == containing);
        REQUIRE(tree.first_ending_after(va) == after);
        REQUIRE(tree.last_beginning_before(va) == before);

        std::uint64_t size = (1 + random() % 20) * abi::page_size;
        std::uint64_t alignment = abi::page_size << random() % 4;
        std::uint64_t low = random() % 50 * abi::page_size;
        std::uint64_t high = (pages - random() % 50) * abi::page_size;
        std::optional<std::uint64_t> expected;
        for (std::uint64_t place = abi::align_down(high - size, alignment); place >= low; place -= alignment) {
            if (is_free(place, place + size)) {
                expected = place;
                break;
            }
            if (place < alignment) break;
        }
        REQUIRE(tree.find_gap(low, high, size, alignment) == expected);
    }
}

}  // namespace husk::memory
