// SPDX-License-Identifier: Apache-2.0
// Samples summed up by their calls.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace husk::profile {

class Profile final {
public:
    // Outermost frame first; the first is the thread.
    void add(const std::vector<std::string>& frames);

    [[nodiscard]] const std::map<std::vector<std::string>, std::uint64_t>& stacks() const { return stacks_; }
    [[nodiscard]] std::uint64_t samples() const { return samples_; }

    struct Share {
        std::string name;
        std::uint64_t itself = 0;        // samples in the function
        std::uint64_t with_callees = 0;  // samples in it or in what it called
    };
    // Of functions, and of threads: most first.
    [[nodiscard]] std::vector<Share> functions() const;
    [[nodiscard]] std::vector<Share> threads() const;

private:
    std::map<std::vector<std::string>, std::uint64_t> stacks_;
    std::uint64_t samples_ = 0;
};

}  // namespace husk::profile
