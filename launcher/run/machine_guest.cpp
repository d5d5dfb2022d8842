// SPDX-License-Identifier: Apache-2.0
// The part of a machine that lays out what its guest finds: page tables and boot info.
#include <string>

#include <sys/random.h>

#include <husk/abi/memory_layout.hpp>

#include "launcher/boot/address_space.hpp"
#include "launcher/boot/boot_info.hpp"
#include "launcher/boot/page_table_builder.hpp"
#include "launcher/host/clock.hpp"
#include "launcher/host/errno_error.hpp"
#include "launcher/host/standard_streams.hpp"
#include "launcher/run/boot_blobs.hpp"
#include "launcher/run/machine.hpp"

namespace husk::run {

namespace {

std::uint32_t flags_of(const config::LaunchConfig& config, const RunHooks& hooks) {
    std::uint32_t flags = abi::boot_flag::ram_is_zero;
    if (config.verbose) flags |= abi::boot_flag::verbose;
    if (config.core_file) flags |= abi::boot_flag::core_wanted;
    if (hooks.on_stop) flags |= abi::boot_flag::debugger;
    return flags;
}

void fill_streams(abi::BootInfo& info) {
    const auto& streams = host::standard_streams();
    for (std::size_t i = 0; i < streams.size(); ++i) info.streams[i] = streams[i];
    const host::TerminalSize terminal = host::terminal_size();
    info.terminal_rows = terminal.rows;
    info.terminal_columns = terminal.columns;
}

void fill_seed(abi::BootInfo& info) {
    if (::getrandom(info.seed, sizeof info.seed, 0) != static_cast<ssize_t>(sizeof info.seed))
        throw host::errno_error("cannot get random bytes for the guest");
}

abi::GuestVirt choose_main_stack_end() {
    std::uint64_t random = 0;
    if (::getrandom(&random, sizeof random, 0) != static_cast<ssize_t>(sizeof random))
        throw host::errno_error("cannot get random bytes for the guest");
    const std::uint64_t below = abi::align_down(random % abi::main_stack_random_bytes, abi::page_size);
    return {abi::main_stack_highest_end - below};
}

}  // namespace

abi::BootInfo Machine::map_memory() {
    const auto words = memory_.try_words({plan_.tables.begin}, plan_.tables.end - plan_.tables.begin);
    // Shadow paging splits giant pages anyway.
    const auto largest = cpu_model_.kind == kvm::Kind::hw && cpu_model_.has_giant_pages() ? boot::PageSize::giant
                                                                                          : boot::PageSize::large;
    // All that is about to be written, and the pages of the vCPUs, in one call instead of a fault for each.
    constexpr std::uint64_t first_tables_bytes = 16 * abi::page_size;
    memory_.prefault({plan_.kernel_stack.begin}, plan_.tables.begin + first_tables_bytes - plan_.kernel_stack.begin);
    boot::PageTableBuilder tables(words, {plan_.tables.begin}, largest);
    const abi::GuestVirt main_stack_end = choose_main_stack_end();
    if (!boot::map_address_space(tables, plan_, image_.segments, main_stack_end))
        throw host::Error(
            host::ExitCode::host_failure,
            "the page tables for " + std::to_string(memory_.size_bytes() >> 30) + " GiB do not fit: use less --memory");

    abi::BootInfo info{};
    info.page_table_root = tables.root().value;
    info.table_pool = {tables.end().value, plan_.tables.end};
    info.vcpu_areas = plan_.vcpu_areas.begin;
    info.free_range_count = plan_.free_range_count;
    for (std::uint32_t i = 0; i < plan_.free_range_count; ++i) info.free_ranges[i] = plan_.free_ranges[i];
    info.main_stack_end = main_stack_end.value;
    return info;
}

void Machine::write_boot_info(abi::BootInfo info) {
    info.flags = flags_of(config_, hooks_);
    if (plan_.vcpu_count > 1 && vcpu_factory_->keeps_one_tsc() && host::tsc_is_one_clock())
        info.flags |= abi::boot_flag::one_tsc;
    info.vcpu_count = plan_.vcpu_count;
    const host::WallClock clock = host::read_wall_clock();
    info.tsc_hz = tsc_hz_;
    info.wall_clock_ns = clock.wall_clock_ns;
    info.host_tsc = clock.host_tsc;
    info.tsc_offset = tsc_offset_;
    info.xcr0 = cpu_model_.xcr0;
    info.xsave_size_bytes = cpu_model_.xsave_size_bytes;
    fill_seed(info);
    fill_streams(info);
    const boot::BootBlobs blobs = blobs_of(config_, cpu_model_, devices_);
    boot::write_boot_info(info, blobs, memory_.try_span({plan_.boot_info.begin}, boot::boot_info_bytes(blobs)));
}

}  // namespace husk::run
