// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/sysfs.hpp"

#include "guest-runtime/fs/block/block_devices.hpp"
#include "guest-runtime/fs/block_file.hpp"
#include "guest-runtime/memory/frames.hpp"
#include "guest-runtime/thread/scheduler.hpp"

namespace husk::fs {

namespace {

// "0" or "0-3".
void write_cpu_list(Text& to, std::uint64_t) {
    std::uint32_t count = thread::vcpu_count();
    to.text("0");
    if (count > 1) to.text("-").decimal(count - 1);
    to.text("\n");
}
void write_nothing(Text& to, std::uint64_t) { to.text("\n"); }
void write_zero(Text& to, std::uint64_t) { to.text("0\n"); }
void write_one(Text& to, std::uint64_t) { to.text("1\n"); }
void write_last_cpu(Text& to, std::uint64_t) { to.decimal(thread::max_vcpus - 1).text("\n"); }
void write_own_number(Text& to, std::uint64_t cpu) { to.decimal(cpu).text("\n"); }
void write_own_mask(Text& to, std::uint64_t cpu) { to.hex(std::uint64_t{1} << (cpu % 64)).text("\n"); }
void write_all_mask(Text& to, std::uint64_t) {
    std::uint32_t count = thread::vcpu_count();
    to.hex(count >= 64 ? UINT64_MAX : (std::uint64_t{1} << count) - 1).text("\n");
}

void write_node_memory(Text& to, std::uint64_t) {
    memory::FrameCounts counts = memory::frame_counts();
    to.text("Node 0 MemTotal: ").decimal(counts.total * 4, 15).text(" kB\nNode 0 MemFree: ");
    to.decimal(counts.free * 4, 16).text(" kB\n");
}
void write_thp(Text& to, std::uint64_t) { to.text("[always] madvise never\n"); }

constexpr GeneratedNode topology_entries[] = {
    generated_file("physical_package_id", write_zero), generated_file("core_id", write_own_number),
    generated_file("thread_siblings", write_own_mask), generated_file("thread_siblings_list", write_own_number),
    generated_file("core_siblings", write_all_mask),   generated_file("core_siblings_list", write_cpu_list),
};
constexpr GeneratedNode cpu_entries[] = {
    generated_file("online", write_one),
    generated_directory("topology", topology_entries),
};
constexpr GeneratedNode cpu_directory = generated_directory("", cpu_entries);
constexpr GeneratedMembers cpus = {"cpu", &cpu_directory, [](std::uint64_t number) {
                                       return number < thread::vcpu_count() ? std::optional(number) : std::nullopt;
                                   }};
constexpr GeneratedNode all_cpu_entries[] = {
    generated_file("online", write_cpu_list),     generated_file("possible", write_cpu_list),
    generated_file("present", write_cpu_list),    generated_file("offline", write_nothing),
    generated_file("kernel_max", write_last_cpu),
};

constexpr GeneratedNode node_entries[] = {
    generated_file("cpulist", write_cpu_list),
    generated_file("cpumap", write_all_mask),
    generated_file("meminfo", write_node_memory),
};
constexpr GeneratedNode all_node_entries[] = {
    generated_file("online", write_zero),
    generated_file("possible", write_zero),
    generated_directory("node0", node_entries),
};

constexpr GeneratedNode system_entries[] = {
    generated_directory("cpu", all_cpu_entries, &cpus),
    generated_directory("node", all_node_entries),
};
constexpr GeneratedNode device_entries[] = {generated_directory("system", system_entries)};
constexpr GeneratedNode thp_entries[] = {generated_file("enabled", write_thp)};
constexpr GeneratedNode mm_entries[] = {generated_directory("transparent_hugepage", thp_entries)};
constexpr GeneratedNode kernel_entries[] = {generated_directory("mm", mm_entries)};
const block::BlockDevice& disk(std::uint64_t number) { return *block::device_at(number); }
void write_disk_size(Text& to, std::uint64_t number) { to.decimal(disk(number).size_bytes() / 512).text("\n"); }
void write_disk_read_only(Text& to, std::uint64_t number) { to.text(disk(number).is_read_only() ? "1\n" : "0\n"); }
void write_disk_number(Text& to, std::uint64_t number) {
    to.decimal(block_major).text(":").decimal(number * block_minors_each).text("\n");
}
void write_logical_block(Text& to, std::uint64_t number) { to.decimal(disk(number).logical_block_bytes()).text("\n"); }
void write_physical_block(Text& to, std::uint64_t number) {
    to.decimal(disk(number).physical_block_bytes()).text("\n");
}
void write_discard_most(Text& to, std::uint64_t number) { to.decimal(disk(number).max_discard_bytes()).text("\n"); }
void write_cache_mode(Text& to, std::uint64_t number) {
    to.text(disk(number).has_write_cache() ? "write back\n" : "write through\n");
}

constexpr GeneratedNode disk_queue_entries[] = {
    generated_file("logical_block_size", write_logical_block),
    generated_file("physical_block_size", write_physical_block),
    generated_file("hw_sector_size", write_logical_block),
    generated_file("minimum_io_size", write_physical_block),
    generated_file("optimal_io_size", write_zero),
    generated_file("discard_max_bytes", write_discard_most),
    generated_file("rotational", write_zero),
    generated_file("write_cache", write_cache_mode),
};
constexpr GeneratedNode disk_entries[] = {
    generated_file("size", write_disk_size),          generated_file("ro", write_disk_read_only),
    generated_file("removable", write_zero),          generated_file("dev", write_disk_number),
    generated_directory("queue", disk_queue_entries),
};
constexpr GeneratedNode disk_directory = generated_directory("", disk_entries);
constexpr GeneratedMembers disks = {
    "vd", &disk_directory,
    [](std::uint64_t number) { return block::device_at(number) != nullptr ? std::optional(number) : std::nullopt; },
    true};

constexpr GeneratedNode root_entries[] = {
    generated_directory("block", {}, &disks),
    generated_directory("devices", device_entries),
    generated_directory("kernel", kernel_entries),
    generated_directory("fs", {}),
};

}  // namespace

constinit const GeneratedNode sys_tree = generated_directory("", root_entries);

}  // namespace husk::fs
