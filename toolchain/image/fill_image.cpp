// SPDX-License-Identifier: Apache-2.0
#include "toolchain/image/fill_image.hpp"

#include <algorithm>
#include <limits>
#include <span>

#include "toolchain/image/address_set.hpp"
#include "toolchain/image/call_number.hpp"
#include "toolchain/image/code_map.hpp"
#include "toolchain/image/jump_targets.hpp"
#include "toolchain/image/patch_plan.hpp"
#include "toolchain/image/stub.hpp"

namespace husk::toolchain {
namespace {

template <class T>
std::span<const std::uint8_t> bytes_of(const T* first, std::size_t count) {
    // SAFETY: any object may be read as bytes; the span is used only while `first` lives.
    return {reinterpret_cast<const std::uint8_t*>(first), count * sizeof(T)};
}

std::vector<std::uint8_t> copy_of(std::span<const std::uint8_t> bytes) { return {bytes.begin(), bytes.end()}; }

PatchPlans plan_image(const ElfFile& file, const abi::ImageNote& note) {
    std::vector<CodeBytes> code;
    for (const Section& section : file.sections()) {
        if (section.is_code()) code.push_back({section.address, section.bytes});
    }
    JumpTargets targets = collect_jump_targets(file);
    CodeMap map = explore(code, targets.entries);

    std::vector<std::uint64_t> all = std::move(targets.entries);
    all.insert(all.end(), targets.possible.begin(), targets.possible.end());
    all.insert(all.end(), map.jump_targets.begin(), map.jump_targets.end());
    const AddressSet entered(std::move(all));
    PatchPlans plans = plan_patches(map.instructions, entered,
                                    std::vector{AddressRange{note.runtime_text_begin, note.runtime_text_end}});

    for (PatchPlan& plan : plans.plans) {
        if (plan.site.site == Site::syscall)
            plan.call_number = find_call_number(map.instructions, code, entered, plan.site.address);
    }

    // Sites in functions whose landing pads are unknown stay traps.
    const auto is_unreadable = [&](const PatchPlan& plan) {
        return std::any_of(targets.unreadable.begin(), targets.unreadable.end(),
                           [&](const AddressRange& range) { return range.contains(plan.site.address); });
    };
    for (const PatchPlan& plan : plans.plans) {
        if (is_unreadable(plan)) plans.unserved.push_back(plan.site.address);
    }
    std::erase_if(plans.plans, is_unreadable);
    return plans;
}

// PatchEntry::call
std::uint16_t call_of(const PatchPlan& plan) {
    constexpr std::uint32_t most = std::numeric_limits<std::uint16_t>::max();
    return plan.call_number && *plan.call_number < most ? static_cast<std::uint16_t>(*plan.call_number + 1) : 0;
}

// The reserved room: takes stubs and entries until one of both is full.
class Room {
public:
    Room(const ElfFile& file, const RuntimeInfo& info) : file_(file), table_(info.table) {}

    enum class Outcome { placed, unreachable, full };

    Outcome place(const PatchPlan& plan) {
        const std::uint64_t size = plan.end() - plan.begin();
        const auto at = file_.find_offset(plan.begin(), size);
        if (!at || plan.end() > std::numeric_limits<std::uint32_t>::max()) return Outcome::unreachable;
        const std::uint64_t address = table_.stub_room + stubs_.size();
        const auto stub = try_emit_stub(plan, file_.file_bytes().subspan(*at, size), address,
                                        {table_.syscall_entry, table_.cpuid_entry});
        if (!stub) return Outcome::unreachable;
        if (entries_.size() == table_.capacity || stub->size() > table_.stub_room_bytes - stubs_.size()) {
            return Outcome::full;
        }
        stubs_.insert(stubs_.end(), stub->begin(), stub->end());
        entries_.push_back({static_cast<std::uint32_t>(plan.begin()), static_cast<std::uint32_t>(address),
                            static_cast<std::uint8_t>(size),
                            static_cast<std::uint8_t>(plan.site.site == Site::syscall ? 1 : 2), call_of(plan)});
        return Outcome::placed;
    }

    [[nodiscard]] const std::vector<std::uint8_t>& stubs() const { return stubs_; }
    [[nodiscard]] const std::vector<abi::PatchEntry>& entries() const { return entries_; }

private:
    const ElfFile& file_;
    abi::PatchTable table_;
    std::vector<std::uint8_t> stubs_;
    std::vector<abi::PatchEntry> entries_;
};

}  // namespace

FilledImage fill_image(const ElfFile& file, const RuntimeInfo& info) {
    const PatchPlans plans = plan_image(file, info.note);
    FilledImage result;
    result.unpatched = plans.unserved;
    Room room(file, info);
    for (const PatchPlan& plan : plans.plans) {
        const Room::Outcome outcome = room.place(plan);
        if (outcome == Room::Outcome::full) result.room_was_full = true;
        if (outcome != Room::Outcome::placed) result.unpatched.push_back(plan.site.address);
    }
    std::sort(result.unpatched.begin(), result.unpatched.end());
    result.patched = room.entries().size();

    abi::PatchTable table = info.table;
    table.count = static_cast<std::uint32_t>(room.entries().size());
    table.stub_bytes_used = static_cast<std::uint32_t>(room.stubs().size());
    table.unpatched_sites = static_cast<std::uint32_t>(result.unpatched.size());
    table.state = 0;
    result.edits.push_back({info.table_offset, copy_of(bytes_of(&table, 1))});
    result.edits.push_back(
        {info.table_offset + sizeof table, copy_of(bytes_of(room.entries().data(), result.patched))});
    result.edits.push_back({info.stub_room_offset, room.stubs()});
    return result;
}

}  // namespace husk::toolchain
