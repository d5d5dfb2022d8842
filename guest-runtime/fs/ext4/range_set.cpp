// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/ext4/range_set.hpp"

#include <algorithm>
#include <cstring>

namespace husk::fs::ext4 {

std::size_t RangeSet::find(std::uint64_t number) const {
    std::size_t low = 0;
    std::size_t high = used_;
    while (low < high) {
        std::size_t middle = (low + high) / 2;
        if (ranges_[middle].end <= number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

std::uint64_t RangeSet::count_in(std::uint64_t first, std::uint64_t end) const {
    std::uint64_t count = 0;
    for (std::size_t i = find(first); i < used_ && ranges_[i].first < end; ++i) {
        count += std::min(end, ranges_[i].end) - std::max(first, ranges_[i].first);
    }
    return count;
}

RangeSet::Run RangeSet::run_at(std::uint64_t number) const {
    std::size_t index = find(number);
    if (index == used_) return {false, UINT64_MAX};
    const Range& range = ranges_[index];
    return range.first <= number ? Run{true, range.end} : Run{false, range.first};
}

// For one range more.
Result<> RangeSet::make_room() {
    if (used_ < ranges_.size()) return {};
    auto larger = HUSK_TRY(HeapArray<Range>::create(ranges_.size() * 2 + 4));
    if (used_ != 0) std::memcpy(larger.data(), ranges_.data(), used_ * sizeof(Range));
    ranges_ = std::move(larger);
    return {};
}

void RangeSet::open_gap(std::size_t index) {
    std::copy_backward(ranges_.data() + index, ranges_.data() + used_, ranges_.data() + used_ + 1);
    ++used_;
}

void RangeSet::close_gap(std::size_t index, std::size_t ranges) {
    std::copy(ranges_.data() + index + ranges, ranges_.data() + used_, ranges_.data() + index);
    used_ -= ranges;
}

Result<> RangeSet::insert(std::uint64_t first, std::uint64_t end) {
    if (first >= end) return {};
    HUSK_TRY(make_room());
    count_ += end - first - count_in(first, end);
    // Everything that overlaps or touches becomes one range.
    std::size_t index = first == 0 ? 0 : find(first - 1);
    std::size_t merged = 0;
    while (index + merged < used_ && ranges_[index + merged].first <= end) {
        first = std::min(first, ranges_[index + merged].first);
        end = std::max(end, ranges_[index + merged].end);
        ++merged;
    }
    if (merged == 0) {
        open_gap(index);
    } else {
        close_gap(index + 1, merged - 1);
    }
    ranges_[index] = {first, end};
    return {};
}

Result<> RangeSet::erase(std::uint64_t first, std::uint64_t end) {
    if (first >= end) return {};
    HUSK_TRY(make_room());
    count_ -= count_in(first, end);
    std::size_t index = find(first);
    if (index < used_ && ranges_[index].first < first) {
        Range& range = ranges_[index];
        if (range.end > end) {
            Range tail{end, range.end};
            range.end = first;
            open_gap(index + 1);
            ranges_[index + 1] = tail;
            return {};
        }
        range.end = first;
        ++index;
    }
    std::size_t gone = 0;
    while (index + gone < used_ && ranges_[index + gone].end <= end) ++gone;
    close_gap(index, gone);
    if (index < used_ && ranges_[index].first < end) ranges_[index].first = end;
    return {};
}

void RangeSet::erase_from(std::uint64_t first) {
    count_ -= count_in(first, UINT64_MAX);
    std::size_t index = find(first);
    if (index < used_ && ranges_[index].first < first) {
        ranges_[index].end = first;
        ++index;
    }
    used_ = index;
}

}  // namespace husk::fs::ext4
