// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/boot/pvh_boot_info.hpp"

#include <algorithm>

#include <husk/abi/memory_layout.hpp>
#include <husk/abi/version.hpp>

#include "guest-runtime/arch/cpu.hpp"
#include "guest-runtime/arch/per_cpu.hpp"
#include "guest-runtime/base/string.hpp"
#include "guest-runtime/boot/pvh_cpuid.hpp"
#include "guest-runtime/boot/pvh_processor.hpp"

namespace husk::boot::pvh {

namespace {

// Stores one thing behind the other.
class Writer {
public:
    explicit Writer(abi::PhysRange to) : begin_(to.begin), size_(to.end - to.begin) {}

    template <class T>
    std::span<T> room_for(std::size_t count) {
        return {pointer_to<T>(begin_ + offset_), std::min(count, (size_ - offset_) / sizeof(T))};
    }
    void align(std::size_t alignment) { offset_ = static_cast<std::uint32_t>(abi::align_up(offset_, alignment)); }
    std::uint32_t take(std::size_t size_bytes) {
        std::uint32_t at = offset_;
        offset_ += static_cast<std::uint32_t>(size_bytes);
        return at;
    }
    void add_word(std::string_view word, abi::StringList& list) {
        std::span<char> room = room_for<char>(word.size() + 1);
        std::size_t length = decode_word(word, room);
        room[length] = '\0';
        std::uint32_t at = take(length + 1);
        if (list.count++ == 0) list.offset = at;
        list.size_bytes = offset_ - list.offset;
    }
    [[nodiscard]] std::uint32_t offset() const { return offset_; }

private:
    std::uint64_t begin_;
    std::size_t size_;
    std::uint32_t offset_ = 0;
};

// The TSC's low bits depend on everything that happened so far; seed_random() adds the CPU's own generator.
void fill_seed(std::span<std::uint8_t, 32> seed) {
    bool has_generator = arch::has_random_instruction(arch::cpuid(1).ecx);
    std::uint64_t state = arch::read_tsc();
    for (std::uint8_t& byte : seed) {
        std::uint64_t hardware = 0;
        if (has_generator) (void)arch::read_random(hardware);
        state = (state ^ hardware ^ arch::read_tsc()) * 0x9e37'79b9'7f4a'7c15;  // 2^64 / golden ratio
        byte = static_cast<std::uint8_t>(state >> 56);
    }
}

// The largest ranges, largest first.
void fill_free_ranges(const MemoryPlan& plan, abi::BootInfo& info) {
    RangeList rest = plan.free;
    while (rest.count() != 0 && info.free_range_count < std::size(info.free_ranges)) {
        const abi::PhysRange* largest = std::max_element(
            rest.begin(), rest.end(),
            [](const abi::PhysRange& a, const abi::PhysRange& b) { return a.end - a.begin < b.end - b.begin; });
        abi::PhysRange range = *largest;
        info.free_ranges[info.free_range_count++] = range;
        rest.remove(range);
    }
}

void write_devices(Writer& writer, const KernelLine& line, abi::BootInfo& info) {
    writer.align(alignof(abi::DeviceRecord));
    std::span<abi::DeviceRecord> records = writer.room_for<abi::DeviceRecord>(line.device_count);
    for (std::size_t i = 0; i < records.size(); ++i) {
        records[i] = {};
        records[i].registers = line.devices[i].registers;
        records[i].interrupt = line.devices[i].interrupt;
    }
    info.device_count = static_cast<std::uint32_t>(records.size());
    info.devices_offset = writer.take(records.size() * sizeof(abi::DeviceRecord));
}

void write_strings(Writer& writer, const KernelLine& line, abi::BootInfo& info) {
    writer.add_word(line.program, info.arguments);
    for (WordReader words(line.arguments); auto word = words.next();) writer.add_word(*word, info.arguments);
    for (WordReader words(line.settings); auto word = words.next();) {
        if (auto variable = value_of(*word, "husk.env=")) writer.add_word(*variable, info.environment);
    }
    for (WordReader words(line.settings); auto word = words.next();) {
        if (auto setting = runtime_setting(*word)) writer.add_word(*setting, info.settings);
    }
    bool is_absolute = line.working_directory.starts_with('/');
    writer.add_word(is_absolute ? line.working_directory : "/", info.working_directory);
}

}  // namespace

std::uint64_t boot_info_bytes(std::size_t kernel_line_bytes) {
    constexpr std::size_t default_words_bytes = 64;
    return sizeof(abi::BootInfo) + most_cpuid_entries * sizeof(abi::CpuidEntry) +
           abi::max_devices * sizeof(abi::DeviceRecord) + 2 * kernel_line_bytes + default_words_bytes;
}

void write_boot_info(const MemoryPlan& plan, const KernelLine& line, const Facts& facts) {
    abi::BootInfo info{};
    Writer writer(plan.boot_info);
    writer.take(sizeof info);
    std::size_t count = read_cpuid(writer.room_for<abi::CpuidEntry>(most_cpuid_entries));
    info.cpuid_count = static_cast<std::uint32_t>(count);
    info.cpuid_offset = writer.take(count * sizeof(abi::CpuidEntry));
    write_devices(writer, line, info);
    write_strings(writer, line, info);

    info.magic = abi::boot_info_magic;
    info.abi_number = abi::abi_number;
    info.size_bytes = writer.offset();
    info.flags = line.is_verbose ? abi::boot_flag::verbose : 0;
    info.vcpu_count = plan.vcpu_count;
    info.page_table_root = facts.page_table_root;
    info.table_pool = facts.table_pool;
    info.vcpu_areas = plan.vcpu_areas.begin;
    fill_free_ranges(plan, info);
    info.tsc_hz = facts.tsc_hz;
    info.wall_clock_ns = facts.wall_clock_ns;
    info.host_tsc = arch::read_tsc();
    info.xcr0 = enabled_components();
    info.xsave_size_bytes = xsave_size_bytes();
    fill_seed(info.seed);
    std::copy(line.streams.begin(), line.streams.end(), info.streams);
    memcpy(pointer_to<void>(plan.boot_info.begin), &info, sizeof info);

    memset(pointer_to<void>(plan.vcpu_areas.begin), 0, plan.vcpu_areas.end - plan.vcpu_areas.begin);
    for (std::uint32_t vcpu = 0; vcpu < plan.vcpu_count; ++vcpu) {
        auto* mailbox = pointer_to<abi::VcpuMailbox>(plan.area_of(vcpu));
        mailbox->self = abi::physmap({plan.area_of(vcpu)}).value;
        mailbox->vcpu_index = vcpu;
        mailbox->timer_deadline_tsc = UINT64_MAX;
    }
}

}  // namespace husk::boot::pvh
