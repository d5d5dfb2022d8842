// SPDX-License-Identifier: Apache-2.0
// The root of /proc, and its smaller files about the machine.
#include "guest-runtime/fs/proc.hpp"

#include <array>

#include "guest-runtime/base/random.hpp"
#include "guest-runtime/fs/descriptor_table.hpp"
#include "guest-runtime/fs/network_facts.hpp"
#include "guest-runtime/fs/system_facts.hpp"
#include "guest-runtime/thread/clock.hpp"
#include "guest-runtime/thread/park.hpp"
#include "guest-runtime/thread/thread.hpp"

namespace husk::fs {

namespace {

// The process and its calling thread.
void write_self(Text& to, std::uint64_t) { to.decimal(thread::process_id); }
void write_thread_self(Text& to, std::uint64_t) {
    to.decimal(thread::process_id).text("/task/").decimal(thread::current().tid);
}

void write_hundredths(Text& to, std::uint64_t ns) {
    to.decimal(ns / 1'000'000'000).text(".").decimal(ns / 10'000'000 % 100, 2, '0');
}
void write_uptime(Text& to, std::uint64_t) {
    write_hundredths(to, thread::monotonic_ns());
    to.text(" ");
    write_hundredths(to, 0);
    to.text("\n");
}
void write_load(Text& to, std::uint64_t) {
    to.text("0.00 0.00 0.00 1/").decimal(thread::all_threads().count).text(" 1\n");
}
void write_version(Text& to, std::uint64_t) {
    facts::SystemNames names = facts::system_names();
    to.text(names.system).text(" version ").text(names.release).text(" (husk) ").text(names.version).text("\n");
}
void write_filesystems(Text& to, std::uint64_t) { to.text("nodev\ttmpfs\nnodev\tproc\nnodev\tsysfs\n"); }

void write_os_type(Text& to, std::uint64_t) { to.text(facts::system_names().system).text("\n"); }
void write_os_release(Text& to, std::uint64_t) { to.text(facts::system_names().release).text("\n"); }
void write_os_version(Text& to, std::uint64_t) { to.text(facts::system_names().version).text("\n"); }
void write_host_name(Text& to, std::uint64_t) { to.text(facts::system_names().node).text("\n"); }
void write_pid_max(Text& to, std::uint64_t) { to.text("4194304\n"); }
void write_threads_max(Text& to, std::uint64_t) { to.text("16384\n"); }
void write_no(Text& to, std::uint64_t) { to.text("0\n"); }
void write_map_count(Text& to, std::uint64_t) { to.text("65530\n"); }
void write_file_max(Text& to, std::uint64_t) { to.decimal(DescriptorTable::hard_limit).text("\n"); }
void write_pipe_max(Text& to, std::uint64_t) { to.text("1048576\n"); }
void write_entropy(Text& to, std::uint64_t) { to.text("256\n"); }
void write_somaxconn(Text& to, std::uint64_t) { to.text("4096\n"); }

void write_identifier(Text& to, std::span<const std::byte, 16> bytes) {
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (i == 4 || i == 6 || i == 8 || i == 10) to.text("-");
        to.hex(std::to_integer<unsigned>(bytes[i]), 2);
    }
    to.text("\n");
}
// A random UUID [rfc9562 5.4].
void make_identifier(std::span<std::byte, 16> bytes) {
    fill_random(bytes);
    bytes[6] = (bytes[6] & std::byte{0x0f}) | std::byte{0x40};
    bytes[8] = (bytes[8] & std::byte{0x3f}) | std::byte{0x80};
}
void write_uuid(Text& to, std::uint64_t) {
    std::array<std::byte, 16> bytes;
    make_identifier(bytes);
    write_identifier(to, bytes);
}

constinit Spinlock boot_id_lock;
constinit std::array<std::byte, 16> boot_id = {};
void write_boot_id(Text& to, std::uint64_t) {
    Guard guard(boot_id_lock);
    if (boot_id[6] == std::byte{0}) make_identifier(boot_id);
    write_identifier(to, boot_id);
}

constexpr GeneratedNode random_entries[] = {
    generated_file("boot_id", write_boot_id),
    generated_file("uuid", write_uuid),
    generated_file("entropy_avail", write_entropy),
    generated_file("poolsize", write_entropy),
};
constexpr GeneratedNode kernel_entries[] = {
    generated_file("ostype", write_os_type),       generated_file("osrelease", write_os_release),
    generated_file("version", write_os_version),   generated_file("hostname", write_host_name),
    generated_file("pid_max", write_pid_max),      generated_file("threads-max", write_threads_max),
    generated_directory("random", random_entries),
};
constexpr GeneratedNode vm_entries[] = {
    {.name = "overcommit_memory", .permissions = 0644, .write_text = write_no, .store = store_nothing},
    {.name = "max_map_count", .permissions = 0644, .write_text = write_map_count, .store = store_nothing},
};
constexpr GeneratedNode fs_entries[] = {
    generated_file("file-max", write_file_max),
    generated_file("nr_open", write_file_max),
    generated_file("pipe-max-size", write_pipe_max),
};
constexpr GeneratedNode core_entries[] = {generated_file("somaxconn", write_somaxconn)};
constexpr GeneratedNode net_entries[] = {generated_directory("core", core_entries)};
constexpr GeneratedNode sys_entries[] = {
    generated_directory("kernel", kernel_entries),
    generated_directory("vm", vm_entries),
    generated_directory("fs", fs_entries),
    generated_directory("net", net_entries),
};

constexpr GeneratedNode network_entries[] = {
    generated_file("dev", [](Text& to, std::uint64_t) { facts::write_interfaces(to); }),
    generated_file("if_inet6", [](Text& to, std::uint64_t) { facts::write_ipv6_addresses(to); }),
    generated_file("route", [](Text& to, std::uint64_t) { facts::write_routes(to); }),
    generated_file("tcp", [](Text& to, std::uint64_t) { facts::write_tcp_connections(to, false); }),
    generated_file("tcp6", [](Text& to, std::uint64_t) { facts::write_tcp_connections(to, true); }),
    generated_file("udp", [](Text& to, std::uint64_t) { facts::write_udp_sockets(to, false); }),
    generated_file("udp6", [](Text& to, std::uint64_t) { facts::write_udp_sockets(to, true); }),
    // Name servers in the form of a resolv.conf, as Linux's own DHCP client leaves them here.
    generated_file("pnp", [](Text& to, std::uint64_t) { facts::write_name_servers(to); }),
};

constexpr GeneratedNode root_entries[] = {
    {.name = "self", .type = FileType::symlink, .permissions = 0777, .write_text = write_self},
    {.name = "thread-self", .type = FileType::symlink, .permissions = 0777, .write_text = write_thread_self},
    {.name = "mounts",
     .type = FileType::symlink,
     .permissions = 0777,
     .write_text = [](Text& to, std::uint64_t) { to.text("self/mounts"); }},
    generated_file("cpuinfo", proc::write_cpuinfo),
    generated_file("meminfo", proc::write_meminfo),
    generated_file("stat", proc::write_stat),
    generated_file("uptime", write_uptime),
    generated_file("loadavg", write_load),
    generated_file("version", write_version),
    generated_file("filesystems", write_filesystems),
    generated_file("partitions", proc::write_partitions),
    generated_directory("sys", sys_entries),
    generated_directory("net", network_entries),
};

}  // namespace

constinit const GeneratedNode proc_tree = generated_directory("", root_entries, &proc_processes);

}  // namespace husk::fs
