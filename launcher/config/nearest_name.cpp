// SPDX-License-Identifier: Apache-2.0
#include "launcher/config/nearest_name.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

#include "launcher/config/text.hpp"

namespace husk::config {

namespace {

constexpr std::size_t longest_word = 64;  // bounds the work that a hostile key can cause

}  // namespace

std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> before(b.size() + 1);
    std::vector<std::size_t> last(b.size() + 1);
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(last.begin(), last.end(), 0);
    for (std::size_t i = 1; i <= a.size(); ++i) {
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t substitution = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            row[j] = std::min({last[j] + 1, row[j - 1] + 1, substitution});
            const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
        }
        std::swap(before, last);
        std::swap(last, row);
    }
    return last[b.size()];
}

std::string_view nearest_name(std::string_view word, std::span<const std::string_view> names) {
    if (word.size() > longest_word) return {};
    std::string_view nearest;
    std::size_t least = std::max<std::size_t>(1, word.size() / 2) + 1;
    for (const std::string_view name : names) {
        const std::size_t distance = edit_distance(word, name);
        if (distance < least) {
            least = distance;
            nearest = name;
        }
    }
    return nearest;
}

std::string suggest_name(std::string_view word, std::span<const std::string_view> names) {
    const std::string_view name = nearest_name(word, names);
    return name.empty() ? std::string() : fill_in("; did you mean '{}'?", name);
}

}  // namespace husk::config
