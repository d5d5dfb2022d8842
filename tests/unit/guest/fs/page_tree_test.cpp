// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/page_tree.hpp"

#include <map>
#include <random>
#include <set>

#include <doctest/doctest.h>

using husk::abi::GuestPhys;
using husk::fs::PageTree;

namespace {

std::set<std::uint64_t> released;
void note_release(GuestPhys frame) { CHECK(released.insert(frame.value).second); }

}  // namespace

TEST_CASE("an empty tree has only holes") {
    PageTree tree;
    CHECK(tree.find(0).value == 0);
    CHECK(tree.find(UINT64_MAX).value == 0);
    CHECK_FALSE(tree.next_page(0));
    CHECK(tree.page_count() == 0);
}

TEST_CASE("pages far apart are found and nothing between them is") {
    PageTree tree;
    for (std::uint64_t index : {0ull, 63ull, 64ull, 4095ull, 1ull << 20, (1ull << 51) - 1}) {
        REQUIRE(tree.insert(index, {(index + 1) * 4096}).ok());
    }
    CHECK(tree.page_count() == 6);
    CHECK(tree.find(64).value == 65 * 4096);
    CHECK(tree.find(65).value == 0);
    CHECK(tree.next_page(65) == 4095);
    CHECK(tree.next_page(4096) == 1u << 20);
    CHECK(tree.next_page((1u << 20) + 1) == (1ull << 51) - 1);
    tree.remove(0, UINT64_MAX, [](GuestPhys) {});
    CHECK(tree.page_count() == 0);
    CHECK_FALSE(tree.next_page(0));
}

TEST_CASE("marks are found in order, survive growth and go with their pages") {
    std::mt19937_64 random(11);
    PageTree tree;
    std::map<std::uint64_t, bool> model;
    for (int step = 0; step < 20000; ++step) {
        std::uint64_t index = random() % 16 == 0 ? random() >> (13 + random() % 50) : random() % 300;
        auto it = model.find(index);
        switch (random() % 6) {
            default:
                if (it == model.end()) {
                    REQUIRE(tree.insert(index, {(random() % 1000 + 1) * 4096}).ok());
                    model[index] = false;
                } else {
                    tree.mark(index);
                    it->second = true;
                }
                break;
            case 3:
                if (it == model.end()) break;
                tree.unmark(index);
                it->second = false;
                break;
            case 4:
                if (it == model.end()) break;
                tree.replace(index, {tree.find(index).value | 5});
                REQUIRE((tree.find(index).value & 7) == 5);
                break;
            case 5: {
                std::uint64_t last = index + random() % 40;
                model.erase(model.lower_bound(index), model.upper_bound(last));
                tree.remove(index, last, [](GuestPhys) {});
                break;
            }
        }
        std::uint64_t from = random() % 350;
        auto next = model.lower_bound(from);
        while (next != model.end() && !next->second) ++next;
        auto found = tree.next_marked(from);
        REQUIRE(found.has_value() == (next != model.end()));
        if (found) REQUIRE(*found == next->first);
        std::uint64_t marked = 0;
        for (auto& [page, is_marked] : model) marked += is_marked ? 1 : 0;
        REQUIRE(tree.marked_count() == marked);
    }
    tree.remove(0, UINT64_MAX, [](GuestPhys) {});
    CHECK(tree.marked_count() == 0);
}

TEST_CASE("random insertions and removals agree with a map") {
    std::mt19937_64 random(7);
    PageTree tree;
    std::map<std::uint64_t, std::uint64_t> model;
    std::uint64_t next_frame = 4096;
    for (int step = 0; step < 20000; ++step) {
        std::uint64_t index = random() % 8 == 0 ? random() >> (13 + random() % 50) : random() % 700;
        switch (random() % 8) {
            default:
                if (model.count(index) != 0) break;
                REQUIRE(tree.insert(index, {next_frame}).ok());
                model[index] = next_frame;
                next_frame += 4096;
                break;
            case 6: {
                std::uint64_t last = index + random() % 100;
                std::set<std::uint64_t> expected;
                for (auto it = model.lower_bound(index); it != model.end() && it->first <= last;) {
                    expected.insert(it->second);
                    it = model.erase(it);
                }
                released.clear();
                tree.remove(index, last, note_release);
                CHECK(released == expected);
                break;
            }
            case 7: {
                auto it = model.lower_bound(index);
                auto found = tree.next_page(index);
                REQUIRE(found.has_value() == (it != model.end()));
                if (found) CHECK(*found == it->first);
                break;
            }
        }
        auto it = model.find(index);
        REQUIRE(tree.find(index).value == (it == model.end() ? 0 : it->second));
        REQUIRE(tree.page_count() == model.size());
    }
    released.clear();
    tree.remove(0, UINT64_MAX, note_release);
    CHECK(released.size() == model.size());
}
