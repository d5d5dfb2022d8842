// SPDX-License-Identifier: Apache-2.0
// Random operations on the address space against a model that knows each page by itself.
#include <algorithm>
#include <map>
#include <random>
#include <vector>

#include <doctest/doctest.h>

#include "guest-runtime/memory/address_space.hpp"
#include "guest-runtime/memory/frames.hpp"
#include "guest-runtime/memory/space.hpp"
#include "tests/unit/guest/memory/fake_machine.hpp"

namespace husk::memory {

namespace {

constexpr std::uint64_t page = abi::page_size;
constexpr std::uint64_t arena = 0x6000'0000'0000;
constexpr std::uint64_t arena_pages = 6 * 512;

struct Page {
    Protection protection;
    std::uint8_t value;  // first byte
};

class Trial {
public:
    explicit Trial(std::uint64_t seed) : random_(seed) {}

    void run(int steps) {
        for (int step = 0; step < steps; ++step) {
            pick_range();
            switch (random_() % 8) {
                case 0:
                case 1:
                    map_some();
                    break;
                case 2:
                    unmap_some();
                    break;
                case 3:
                    protect_some();
                    break;
                case 4:
                    remap_some();
                    break;
                case 5:
                    discard_some();
                    break;
                default:
                    touch_some();
            }
            if (step % 25 == 0) compare();
        }
        compare();
    }

private:
    void pick_range() {
        first_ = random_() % arena_pages;
        count_ = 1 + random_() % (random_() % 4 == 0 ? 1500 : 60);
        count_ = std::min(count_, arena_pages - first_);
        begin_ = arena + first_ * page;
    }
    [[nodiscard]] bool is_covered() const {
        for (std::uint64_t i = 0; i < count_; ++i) {
            if (!model_.contains(begin_ + i * page)) return false;
        }
        return true;
    }
    void forget(std::uint64_t begin, std::uint64_t pages) {
        model_.erase(model_.lower_bound(begin), model_.lower_bound(begin + pages * page));
    }

    void map_some() {
        Protection wanted = random_() % 3 == 0 ? 0 : random_() % 4;
        MapRequest request{.address = begin_, .size_bytes = count_ * page, .protection = wanted, .fixed = true};
        request.stack = random_() % 6 == 0;
        request.no_reserve = random_() % 6 == 0;
        request.populate = random_() % 6 == 0;
        auto mapped = map(request);
        forget(begin_, count_);
        if (!mapped.ok()) {
            REQUIRE(mapped.error() == Errno::enomem);
            return;
        }
        for (std::uint64_t i = 0; i < count_; ++i) model_[begin_ + i * page] = {wanted, 0};
    }
    void unmap_some() {
        REQUIRE(unmap(begin_, count_ * page).ok());
        forget(begin_, count_);
    }
    void protect_some() {
        Protection wanted = random_() % 4;
        auto changed = protect(begin_, count_ * page, wanted);
        if (!is_covered()) {
            REQUIRE(changed.error() == Errno::enomem);
            return;
        }
        if (!changed.ok()) {
            REQUIRE(changed.error() == Errno::enomem);
            return;
        }
        for (std::uint64_t i = 0; i < count_; ++i) model_[begin_ + i * page].protection = wanted;
    }
    void discard_some() {
        (void)advise(begin_, count_ * page, 4);
        for (std::uint64_t i = 0; i < count_; ++i) {
            auto at = model_.find(begin_ + i * page);
            if (at != model_.end()) at->second.value = 0;
        }
    }
    // To a fixed place, growing or shrinking on the way.
    void remap_some() {
        std::uint64_t new_pages = random_() % 2 == 0 ? count_ : 1 + random_() % (2 * count_);
        std::uint64_t target = arena + random_() % arena_pages * page;
        if (random_() % 2 == 0) target = arena + arena_pages * page + begin_ % abi::large_page_size;
        auto moved = remap(begin_, count_ * page, new_pages * page, true, target);
        if (!moved.ok()) {
            // A range of several kinds is refused after the target has been emptied and the tail cut off, as in Linux.
            if (moved.error() == Errno::efault || moved.error() == Errno::enomem) reload(target, new_pages);
            return;
        }
        REQUIRE(moved.value() == target);
        std::vector<Page> pages;
        // The tail that is cut off may have had holes.
        for (std::uint64_t i = 0; i < std::min(count_, new_pages); ++i) pages.push_back(model_.at(begin_ + i * page));
        forget(begin_, count_);
        forget(target, new_pages);
        for (std::uint64_t i = 0; i < new_pages; ++i) {
            Protection wanted = pages[0].protection;
            model_[target + i * page] = {wanted, i < pages.size() ? pages[i].value : std::uint8_t{0}};
        }
    }
    // After a partial failure: which pages are still mapped.
    void reload(std::uint64_t target, std::uint64_t pages) {
        auto drop_unmapped = [&](std::uint64_t begin, std::uint64_t count) {
            for (std::uint64_t i = 0; i < count; ++i) {
                if (!check_mapped(begin + i * page, page).ok()) model_.erase(begin + i * page);
            }
        };
        drop_unmapped(begin_, count_);
        drop_unmapped(target, pages);
    }
    void touch_some() {
        for (int i = 0; i < 20; ++i) {
            std::uint64_t va = begin_ + random_() % count_ * page;
            auto at = model_.find(va);
            auto value = static_cast<std::uint8_t>(random_());
            FaultAnswer answer = machine_.write(va, value);
            if (at == model_.end()) {
                REQUIRE(answer == FaultAnswer::not_mapped);
            } else if ((at->second.protection & protection::write) == 0) {
                REQUIRE(answer == FaultAnswer::not_allowed);
            } else if (answer == FaultAnswer::resolved) {
                at->second.value = value;
            } else {
                REQUIRE(answer == FaultAnswer::out_of_memory);
                Operation operation;
                REQUIRE(!space.tree().find(va)->kind.charged);
            }
        }
    }
    // Contents, protection, and that promises and page tables agree with the ranges.
    void compare() {
        for (std::uint64_t va = arena - page; va < arena + 2 * arena_pages * page; va += page) {
            auto at = model_.find(va);
            auto translation = machine_.translate(va);
            if (at == model_.end() || at->second.protection == 0) {
                REQUIRE(translation.entry == 0);
                continue;
            }
            bool is_writable = (translation.entry & abi::pte::writable) != 0;
            if (is_writable) REQUIRE((at->second.protection & protection::write) != 0);
            if (translation.entry != 0) {
                REQUIRE(machine_.peek(va).value() == at->second.value);
            } else {
                REQUIRE(at->second.value == 0);
            }
        }
        Operation operation;
        std::uint64_t promises = 0;
        const Mapping* previous = nullptr;
        space.visit(0, highest_address, [&](const Mapping& mapping, std::uint64_t begin, std::uint64_t end) {
            REQUIRE(mapping.begin < mapping.end);
            if (previous != nullptr) REQUIRE(!can_join(*previous, mapping));
            previous = &mapping;
            if (mapping.kind.charged) promises += (end - begin) / page - space.own_pages(begin, end);
        });
        REQUIRE(frame_counts().promised == promises);
    }

    test::FakeMachine machine_{40 << 20};
    std::mt19937_64 random_;
    std::map<std::uint64_t, Page> model_;
    std::uint64_t first_ = 0, count_ = 0, begin_ = 0;
};

}  // namespace

TEST_CASE("random maps, unmaps, protects, remaps and touches leave what a page-wise model says") {
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
        CAPTURE(seed);
        Trial trial(seed);
        trial.run(600);
    }
}

}  // namespace husk::memory
