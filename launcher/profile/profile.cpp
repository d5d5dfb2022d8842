// SPDX-License-Identifier: Apache-2.0
#include "launcher/profile/profile.hpp"

#include <algorithm>
#include <set>

namespace husk::profile {

namespace {

std::vector<Profile::Share> sorted(const std::map<std::string, Profile::Share>& shares) {
    std::vector<Profile::Share> list;
    for (const auto& [name, share] : shares) {
        list.push_back(share);
        list.back().name = name;
    }
    std::ranges::stable_sort(list, [](const Profile::Share& a, const Profile::Share& b) {
        return a.itself != b.itself ? a.itself > b.itself : a.with_callees > b.with_callees;
    });
    return list;
}

}  // namespace

void Profile::add(const std::vector<std::string>& frames) {
    if (frames.empty()) return;
    ++stacks_[frames];
    ++samples_;
}

std::vector<Profile::Share> Profile::functions() const {
    std::map<std::string, Share> shares;
    for (const auto& [frames, count] : stacks_) {
        shares[frames.back()].itself += count;
        // A function that calls itself counts once.
        const std::set<std::string> once(frames.begin() + 1, frames.end());
        for (const std::string& name : once) shares[name].with_callees += count;
    }
    return sorted(shares);
}

std::vector<Profile::Share> Profile::threads() const {
    std::map<std::string, Share> shares;
    for (const auto& [frames, count] : stacks_) {
        shares[frames.front()].itself += count;
        shares[frames.front()].with_callees += count;
    }
    return sorted(shares);
}

}  // namespace husk::profile
