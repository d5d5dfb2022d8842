// SPDX-License-Identifier: Apache-2.0
#include "toolchain/image/patch_plan.hpp"

#include <algorithm>
#include <optional>

namespace husk::toolchain {
namespace {

class Planner {
public:
    Planner(std::span<const Instruction> instructions, const AddressSet& jump_targets)
        : instructions_(instructions), jump_targets_(jump_targets) {}

    // Bytes below `floor` belong to an earlier patch.
    std::optional<PatchPlan> try_plan(std::size_t index, std::uint64_t floor) const {
        PatchPlan plan{instructions_[index], {}, {}, {}};
        if (overlaps_a_neighbour(index)) return {};
        take_front(plan, index, floor);
        if (missing_bytes(plan) > 0) take_behind(plan, index);
        const std::uint64_t size = plan.end() - plan.begin();
        if (size < jump_bytes || size > max_window_bytes) return {};
        return plan;
    }

private:
    static std::uint64_t missing_bytes(const PatchPlan& plan) {
        const std::uint64_t size = plan.end() - plan.begin();
        return size >= jump_bytes ? 0 : jump_bytes - size;
    }

    // Two decodings of the same bytes (a jump that skips a prefix): leave them alone.
    bool overlaps_a_neighbour(std::size_t index) const {
        const bool before = index > 0 && instructions_[index - 1].end() > instructions_[index].address;
        const bool after =
            index + 1 < instructions_.size() && instructions_[index].end() > instructions_[index + 1].address;
        return before || after;
    }

    void take_front(PatchPlan& plan, std::size_t index, std::uint64_t floor) const {
        while (missing_bytes(plan) > 0 && index > 0) {
            if (jump_targets_.contains(plan.begin())) break;  // control may enter here, not further in
            const Instruction& previous = instructions_[--index];
            if (!previous.movable || previous.end() != plan.begin() || previous.address < floor ||
                overlaps_a_neighbour(index)) {
                break;
            }
            plan.front.insert(plan.front.begin(), previous);
        }
    }

    void take_behind(PatchPlan& plan, std::size_t index) const {
        while (missing_bytes(plan) > 0 && index + 1 < instructions_.size()) {
            const Instruction& next = instructions_[++index];
            if ((!next.movable && !next.movable_last) || next.address != plan.end() ||
                jump_targets_.contains(next.address) || overlaps_a_neighbour(index)) {
                break;
            }
            plan.behind.push_back(next);
            if (next.movable_last) break;
        }
    }

    std::span<const Instruction> instructions_;
    const AddressSet& jump_targets_;
};

// The return from a signal handler: unwinders know it by its bytes.
bool is_signal_return(std::span<const Instruction> instructions, std::size_t index) {
    if (index == 0 || instructions[index].site != Site::syscall) return false;
    const Instruction& load = instructions[index - 1];
    return load.end() == instructions[index].address && load.loads_signal_return;
}

}  // namespace

PatchPlans plan_patches(std::span<const Instruction> instructions, const AddressSet& jump_targets,
                        std::span<const AddressRange> excluded) {
    PatchPlans result;
    const Planner planner(instructions, jump_targets);
    std::uint64_t floor = 0;
    for (std::size_t i = 0; i < instructions.size(); ++i) {
        const Instruction& site = instructions[i];
        const auto covers_site = [&](const AddressRange& range) { return range.contains(site.address); };
        if (site.site == Site::none || std::any_of(excluded.begin(), excluded.end(), covers_site)) continue;
        auto plan = is_signal_return(instructions, i) ? std::nullopt : planner.try_plan(i, floor);
        if (plan && jump_targets.any_inside(plan->begin(), plan->end())) plan.reset();
        if (!plan) {
            result.unserved.push_back(site.address);
            continue;
        }
        floor = plan->end();
        result.plans.push_back(std::move(*plan));
    }
    return result;
}

}  // namespace husk::toolchain
