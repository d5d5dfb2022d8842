// SPDX-License-Identifier: Apache-2.0
#include "toolchain/image/code_map.hpp"

#include <algorithm>

namespace husk::toolchain {
namespace {

class Explorer {
public:
    explicit Explorer(std::span<const CodeBytes> code) : code_(code) {
        for (const CodeBytes& section : code_) seen_.emplace_back(section.bytes.size(), false);
    }

    CodeMap run(std::span<const std::uint64_t> entries) {
        pending_.assign(entries.begin(), entries.end());
        while (!pending_.empty()) {
            const std::uint64_t address = pending_.back();
            pending_.pop_back();
            follow(address);
        }
        std::sort(map_.instructions.begin(), map_.instructions.end(),
                  [](const Instruction& a, const Instruction& b) { return a.address < b.address; });
        return std::move(map_);
    }

private:
    // Decodes from `address` until control cannot go on or comes to what is known.
    void follow(std::uint64_t address) {
        const auto section =
            std::find_if(code_.begin(), code_.end(), [&](const auto& s) { return s.contains(address); });
        if (section == code_.end()) return;
        std::vector<bool>& seen = seen_[static_cast<std::size_t>(section - code_.begin())];
        while (section->contains(address)) {
            const std::size_t offset = address - section->address;
            if (seen[offset]) return;
            const auto instruction = try_decode(section->bytes.subspan(offset), address);
            if (!instruction) return;
            seen[offset] = true;
            map_.instructions.push_back(*instruction);
            if (instruction->target != 0) {
                map_.jump_targets.push_back(instruction->target);
                pending_.push_back(instruction->target);
            }
            if (instruction->reference != 0 && is_code(instruction->reference)) {
                map_.jump_targets.push_back(instruction->reference);  // perhaps data: not decoded for this alone
            }
            if (instruction->flow == Flow::jump || instruction->flow == Flow::stop) return;
            address = instruction->end();
        }
    }

    bool is_code(std::uint64_t address) const {
        return std::any_of(code_.begin(), code_.end(), [&](const auto& s) { return s.contains(address); });
    }

    std::span<const CodeBytes> code_;
    std::vector<std::vector<bool>> seen_;
    std::vector<std::uint64_t> pending_;
    CodeMap map_;
};

}  // namespace

CodeMap explore(std::span<const CodeBytes> code, std::span<const std::uint64_t> entries) {
    return Explorer(code).run(entries);
}

}  // namespace husk::toolchain
