// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/sysfs.hpp"

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
constexpr GeneratedNode root_entries[] = {
    generated_directory("devices", device_entries),
    generated_directory("kernel", kernel_entries),
    generated_directory("fs", {}),
};

}  // namespace

constinit const GeneratedNode sys_tree = generated_directory("", root_entries);

}  // namespace husk::fs
