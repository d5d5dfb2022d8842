// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/memory/page_table_editor.hpp"

#include <map>
#include <random>
#include <set>
#include <vector>

#include <doctest/doctest.h>

namespace husk::memory {

namespace {

using Model = std::map<std::uint64_t, std::uint64_t>;  // page -> 4 KiB entry

// Tables in a map; after each write every page must be seen as before or as after the operation.
struct Watched {
    std::map<std::uint64_t, std::vector<std::uint64_t>> tables;
    std::set<std::uint64_t> free_tables;
    std::uint64_t next_table = 0x10'0000;
    std::uint64_t root = 0;
    const Model* before = nullptr;
    const Model* after = nullptr;
    std::vector<std::uint64_t> watched_pages;
    unsigned writes = 0;
    unsigned splits = 0;

    std::uint64_t translate(std::uint64_t va) {
        std::uint64_t table = root;
        for (unsigned level = 4;; --level) {
            std::uint64_t index = va >> (12 + 9 * (level - 1)) & 511;
            REQUIRE(tables.contains(table));
            REQUIRE(!free_tables.contains(table));
            std::uint64_t entry = tables[table][index];
            if (level == 1 || entry == 0) return entry;
            if (is_large(entry)) return (entry & ~abi::pte::large) + (va & ((1ull << (12 + 9 * (level - 1))) - 4096));
            table = entry & abi::pte::address_mask;
        }
    }
    void look() {
        if (before == nullptr) return;
        for (std::uint64_t va : watched_pages) {
            auto expected = [va](const Model& model) {
                auto found = model.find(va);
                return found == model.end() ? 0 : found->second;
            };
            std::uint64_t seen = translate(va);
            REQUIRE((seen == expected(*before) || seen == expected(*after)));
        }
    }
};

struct Access {
    Watched* watched;

    std::uint64_t read(abi::GuestPhys entry) {
        auto& table = watched->tables.at(abi::align_down(entry.value, 4096));
        return table[entry.value % 4096 / 8];
    }
    void write(abi::GuestPhys first, std::span<const std::uint64_t> entries, arch::Flush, std::uint64_t) {
        REQUIRE(first.value % 4096 / 8 + entries.size() <= 512);
        std::ranges::copy(entries, watched->tables.at(abi::align_down(first.value, 4096)).begin() +
                                       static_cast<std::ptrdiff_t>(first.value % 4096 / 8));
        ++watched->writes;
        watched->look();
    }
    Result<abi::GuestPhys> take_table() {
        if (!watched->free_tables.empty()) {
            std::uint64_t table = *watched->free_tables.begin();
            watched->free_tables.erase(watched->free_tables.begin());
            return abi::GuestPhys{table};
        }
        std::uint64_t table = watched->next_table += 4096;
        // Garbage: a table that was not filled before it is linked shows.
        watched->tables[table].assign(512, table % 8192 == 0 ? 0 : 0x7777'7000 | abi::pte::present);
        return abi::GuestPhys{table};
    }
    void give_table(abi::GuestPhys table) { REQUIRE(watched->free_tables.insert(table.value).second); }
    void split_block(abi::GuestPhys) { ++watched->splits; }
};

struct Bench {
    Watched watched;
    PageTableEditor<Access> editor{Access{&watched}};
    Model model;
    Model goal;

    Bench() {
        watched.root = editor.access().take_table().value().value;
        watched.tables[watched.root].assign(512, 0);
        editor.set_root({watched.root});
    }
    // Runs an edit that takes `model` to `goal`, watching the pages around the borders and at random.
    template <class Edit>
    void run(std::vector<std::uint64_t> pages, Edit edit) {
        watched.before = &model;
        watched.after = &goal;
        watched.watched_pages = std::move(pages);
        REQUIRE(edit().ok());
        watched.before = nullptr;
        for (std::uint64_t va : watched.watched_pages) {
            auto found = goal.find(va);
            REQUIRE(watched.translate(va) == (found == goal.end() ? 0 : found->second));
        }
        model = goal;
    }
};

constexpr std::uint64_t area = 0x7f00'3fc0'0000;  // 1 GiB borders and table borders lie inside
constexpr std::uint64_t area_pages = 8 * 512;
constexpr std::uint64_t other_area = 0x7e00'0000'0000;
constexpr Protection read_write = protection::read | protection::write;

}  // namespace

TEST_CASE("a run of pages in an existing page table is one write") {
    Bench bench;
    std::vector<std::uint64_t> entries(33, page_entry({0x20'0000}, page_bit::owned, read_write));
    REQUIRE(bench.editor.map_pages(area, entries, arch::Flush::none).ok());
    CHECK(bench.watched.writes == 4);  // page table, directory, pointer table, link
    REQUIRE(bench.editor.map_pages(area + (33 << 12), entries, arch::Flush::none).ok());
    CHECK(bench.watched.writes == 5);
}

TEST_CASE("a 2 MiB slot whose pages are all unmapped takes a large page again") {
    Bench bench;
    std::uint64_t entry = page_entry({0x20'0000}, page_bit::owned, read_write);
    REQUIRE(bench.editor.map_pages(area, {&entry, 1}, arch::Flush::none).ok());
    CHECK(!bench.editor.is_large_slot_empty(area));
    unsigned removed = 0;
    REQUIRE(bench.editor.unmap(area, area + 4096, [&](std::uint64_t, bool) { ++removed; }).ok());
    CHECK(removed == 1);
    REQUIRE(bench.editor.is_large_slot_empty(area));
    std::size_t free = bench.watched.free_tables.size();
    REQUIRE(bench.editor.map_large(area, large_entry({0x40'0000}, page_bit::owned, read_write)).ok());
    CHECK(bench.watched.free_tables.size() == free + 1);
    CHECK(bench.editor.lookup(area + 12345 * 64).level == 2);
}

TEST_CASE("random edits never show a page as anything but its old or its new state") {
    Bench bench;
    std::mt19937_64 random(4);
    std::uint64_t next_frame = 0x1000'0000;
    auto forget = [&](std::uint64_t begin, std::uint64_t end) {
        bench.goal.erase(bench.goal.lower_bound(begin), bench.goal.lower_bound(end));
    };
    for (int step = 0; step < 1500; ++step) {
        std::uint64_t first = random() % area_pages;
        std::uint64_t count = 1 + random() % (random() % 3 == 0 ? area_pages : 40);
        count = std::min(count, area_pages - first);
        std::uint64_t begin = area + first * 4096;
        std::uint64_t end = begin + count * 4096;
        std::vector<std::uint64_t> pages = {begin - 4096, begin, end - 4096, end};
        for (int i = 0; i < 12; ++i) pages.push_back(area + random() % area_pages * 4096);
        bench.goal = bench.model;
        Protection wanted = random() % 8;
        switch (random() % 5) {
            case 0: {  // pages into what is empty of one table
                std::uint64_t run = std::min(count, 512 - (begin >> 12 & 511));
                auto occupied = bench.model.lower_bound(begin);
                if (occupied != bench.model.end()) run = std::min(run, (occupied->first - begin) / 4096);
                if (run == 0) break;
                std::vector<std::uint64_t> entries;
                for (std::uint64_t i = 0; i < run; ++i) {
                    entries.push_back(page_entry({next_frame += 4096}, page_bit::owned, wanted));
                    bench.goal[begin + i * 4096] = entries.back();
                }
                bench.run(pages, [&] { return bench.editor.map_pages(begin, entries, arch::Flush::none); });
                break;
            }
            case 1: {  // a large page
                std::uint64_t slot = abi::align_down(begin, abi::large_page_size);
                auto occupied = bench.model.lower_bound(slot);
                bool is_empty = occupied == bench.model.end() || occupied->first >= slot + abi::large_page_size;
                REQUIRE(bench.editor.is_large_slot_empty(slot) == is_empty);
                if (!is_empty) break;
                next_frame = abi::align_up(next_frame, abi::large_page_size) + abi::large_page_size;
                std::uint64_t entry = large_entry({next_frame}, page_bit::owned, wanted);
                for (std::uint64_t i = 0; i < 512; ++i) {
                    bench.goal[slot + i * 4096] = (entry & ~abi::pte::large) + i * 4096;
                }
                next_frame += abi::large_page_size;
                bench.run(pages, [&] { return bench.editor.map_large(slot, entry); });
                break;
            }
            case 2: {
                forget(begin, end);
                std::multiset<std::uint64_t> expected;
                for (auto at = bench.model.lower_bound(begin); at != bench.model.lower_bound(end); ++at) {
                    expected.insert(at->second);
                }
                std::multiset<std::uint64_t> removed;
                bench.run(pages, [&] {
                    return bench.editor.unmap(begin, end, [&](std::uint64_t entry, bool large) {
                        for (std::uint64_t i = 0; i < (large ? 512 : 1); ++i) {
                            removed.insert((large ? entry & ~abi::pte::large : entry) + i * 4096);
                        }
                    });
                });
                REQUIRE(removed == expected);
                break;
            }
            case 3: {
                for (auto& [va, entry] : bench.goal) {
                    if (va >= begin && va < end) entry = with_protection(entry, wanted);
                }
                bench.run(pages, [&] {
                    return bench.editor.change_leaves(
                        begin, end, [&](std::uint64_t entry) { return with_protection(entry, wanted); });
                });
                break;
            }
            default: {  // away and back again
                std::uint64_t target = other_area + random() % 2048 * 4096;
                if (random() % 2 == 0) target = other_area + begin % abi::large_page_size;
                for (auto& [va, entry] : bench.model) {
                    if (va < begin || va >= end) continue;
                    bench.goal.erase(va);
                    bench.goal[va - begin + target] = entry;
                }
                pages.push_back(target);
                pages.push_back(target + (count - 1) * 4096);
                Model home = bench.model;
                bench.run(pages, [&] { return bench.editor.move(begin, target, end - begin); });
                bench.goal = home;
                bench.run(pages, [&] { return bench.editor.move(target, begin, end - begin); });
            }
        }
    }
    bench.goal.clear();
    bench.run({area}, [&] { return bench.editor.unmap(area, area + area_pages * 4096, [](std::uint64_t, bool) {}); });
    std::uint64_t leaves = 0;
    bench.editor.visit_leaves(0, 0x7fff'0000'0000, [&](std::uint64_t, std::uint64_t, unsigned) { ++leaves; });
    CHECK(leaves == 0);
    CHECK(bench.watched.splits > 0);
}

}  // namespace husk::memory
