// SPDX-License-Identifier: Apache-2.0
// What /proc/<pid> and /proc/<pid>/task/<tid> hold.
#include <algorithm>

#include "guest-runtime/fs/descriptor_table.hpp"
#include "guest-runtime/fs/path.hpp"
#include "guest-runtime/fs/proc.hpp"
#include "guest-runtime/fs/process_view.hpp"
#include "guest-runtime/fs/system_facts.hpp"
#include "guest-runtime/memory/address_space.hpp"
#include "guest-runtime/thread/cpu_time.hpp"
#include "guest-runtime/thread/scheduler.hpp"
#include "guest-runtime/thread/signal_state.hpp"
#include "guest-runtime/thread/thread.hpp"

namespace husk::fs {

namespace {

// What the files show of a thread. The process is shown as its first thread.
struct ThreadFacts {
    std::uint32_t tid = 0;
    char name[16] = {};
    std::uint64_t cpu_ns = 0;
    std::uint64_t blocked = 0;
    bool is_running = false;
    std::uint32_t threads = 0;
};

ThreadFacts thread_facts(std::uint64_t id) {
    ThreadFacts result;
    result.tid = static_cast<std::uint32_t>(id);
    Guard guard(thread::all_threads().lock);
    result.threads = thread::all_threads().count;
    if (thread::Thread* found = thread::all_threads().find(result.tid)) {
        std::copy(std::begin(found->name), std::end(found->name), result.name);
        result.cpu_ns = thread::thread_cpu_ns(*found);
        result.blocked = found->blocked.load();
        result.is_running = found->state != thread::State::parked;
    }
    result.name[15] = 0;
    return result;
}

struct MapsWriter final : memory::RangeVisitor {
    explicit MapsWriter(Text& text) : to(text) {}
    void visit(std::uint64_t begin, std::uint64_t end, memory::Protection protection, bool shared,
               const char* name) override {
        std::size_t start = to.size();
        to.hex(begin, 8).text("-").hex(end, 8).text(" ");
        to.text((protection & memory::protection::read) != 0 ? "r" : "-");
        to.text((protection & memory::protection::write) != 0 ? "w" : "-");
        to.text((protection & memory::protection::execute) != 0 ? "x" : "-");
        to.text(shared ? "s" : "p").text(" 00000000 00:00 0");
        std::string_view label(name);
        if (label == "/proc/self/exe") label = facts::image_path();
        if (!label.empty()) {
            constexpr std::size_t name_column = 73;
            do to.text(" ");
            while (to.check().ok() && to.size() - start < name_column);
            to.text(label);
        }
        to.text("\n");
    }
    Text& to;
};

void write_maps(Text& to, std::uint64_t) {
    MapsWriter writer(to);
    memory::visit_ranges(writer);
}

constexpr std::uint64_t tick_ns = 10'000'000;  // USER_HZ is 100

void write_stat(Text& to, std::uint64_t id) {
    ThreadFacts facts = thread_facts(id);
    memory::SpaceUsage usage = memory::space_usage();
    std::uint64_t cpu_ns = id == thread::process_id ? thread::process_cpu_ns() : facts.cpu_ns;
    to.decimal(facts.tid).text(" (").text(facts.name).text(facts.is_running ? ") R" : ") S");
    to.text(" 0 1 1 0 -1 4194304 0 0 0 0 ").decimal(cpu_ns / tick_ns).text(" 0 0 0 20 0 ").decimal(facts.threads);
    to.text(" 0 0 ").decimal(usage.mapped_bytes).text(" ").decimal(usage.resident_bytes / abi::page_size);
    to.text(" 18446744073709551615 0 0 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n");
}

void write_statm(Text& to, std::uint64_t) {
    memory::SpaceUsage usage = memory::space_usage();
    to.decimal(usage.mapped_bytes / abi::page_size).text(" ").decimal(usage.resident_bytes / abi::page_size);
    to.text(" 0 0 0 ").decimal(usage.resident_bytes / abi::page_size).text(" 0\n");
}

void write_status(Text& to, std::uint64_t id) {
    ThreadFacts facts = thread_facts(id);
    memory::SpaceUsage usage = memory::space_usage();
    to.text("Name:\t").text(facts.name).text("\nUmask:\t0").hex(umask() >> 6 & 7);
    to.hex(umask() >> 3 & 7)
        .hex(umask() & 7)
        .text(facts.is_running ? "\nState:\tR (running)" : "\nState:\tS (sleeping)");
    to.text("\nTgid:\t").decimal(thread::process_id).text("\nPid:\t").decimal(facts.tid);
    to.text("\nPPid:\t0\nTracerPid:\t0\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nFDSize:\t256\nGroups:\t\n");
    to.text("VmPeak:\t").decimal(usage.mapped_bytes / 1024, 8).text(" kB\nVmSize:\t");
    to.decimal(usage.mapped_bytes / 1024, 8).text(" kB\nVmHWM:\t").decimal(usage.resident_bytes / 1024, 8);
    to.text(" kB\nVmRSS:\t").decimal(usage.resident_bytes / 1024, 8).text(" kB\nThreads:\t").decimal(facts.threads);
    to.text("\nSigBlk:\t").hex(facts.blocked, 16).text("\nCpus_allowed_list:\t0-").decimal(thread::vcpu_count() - 1);
    to.text("\n");
}

void write_name(Text& to, std::uint64_t id) {
    ThreadFacts facts = thread_facts(id);
    to.text(facts.name).text("\n");
}

Result<> store_name(std::string_view text, std::uint64_t id) {
    while (text.ends_with('\n')) text.remove_suffix(1);
    Guard guard(thread::all_threads().lock);
    thread::Thread* found = thread::all_threads().find(static_cast<std::uint32_t>(id));
    if (found == nullptr) return Errno::esrch;
    std::size_t size = std::min(text.size(), sizeof found->name - 1);
    std::copy_n(text.data(), size, found->name);
    std::fill(found->name + size, std::end(found->name), '\0');
    return {};
}

void write_limits(Text& to, std::uint64_t) {
    to.text("Limit                     Soft Limit           Hard Limit           Units     \n");
    to.text("Max stack size            8388608              unlimited            bytes     \n");
    to.text("Max open files            ").decimal(descriptors().limit(), 0);
    to.text("                 1048576              files     \n");
}

void write_arguments(Text& to, std::uint64_t) { to.text(facts::argument_block()); }
void write_environment(Text& to, std::uint64_t) { to.text(facts::environment_block()); }
void write_auxiliary_vector(Text& to, std::uint64_t) {
    std::span<const std::byte> bytes = facts::auxiliary_vector();
    // SAFETY: bytes seen as characters.
    to.text({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}
void write_zero(Text& to, std::uint64_t) { to.text("0\n"); }

// As the application was named, made absolute.
void write_image_path(Text& to, std::uint64_t) {
    std::string_view path = facts::image_path();
    if (!path.starts_with('/')) {
        while (path.starts_with("./")) path.remove_prefix(2);
        to.text(facts::working_directory());
        if (!to.view().ends_with('/')) to.text("/");
    }
    to.text(path);
}

void write_working_directory(Text& to, std::uint64_t) {
    auto path = path_of_directory(*working_directory());
    to.text(path.ok() ? path.value().view() : "(deleted)");
}
Result<RefPtr<Inode>> working_directory_object(std::uint64_t) { return working_directory(); }
void write_root(Text& to, std::uint64_t) { to.text("/"); }

// Descriptors, as ids.
std::optional<std::uint64_t> next_descriptor(std::uint64_t number) {
    if (number > INT32_MAX) return {};
    auto found = descriptors().next_open(static_cast<int>(number));
    return found ? std::optional(static_cast<std::uint64_t>(*found)) : std::nullopt;
}
void write_descriptor_path(Text& to, std::uint64_t fd) {
    auto file = place_of(static_cast<int>(fd));
    if (!file.ok()) return;
    auto path = file.value()->path_text();
    if (path.ok()) to.text(path.value().view());
}
Result<RefPtr<Inode>> descriptor_object(std::uint64_t fd) {
    RefPtr<File> file = HUSK_TRY(place_of(static_cast<int>(fd)));
    return RefPtr<Inode>(&file->inode());
}
void write_descriptor_info(Text& to, std::uint64_t fd) {
    auto file = place_of(static_cast<int>(fd));
    if (!file.ok()) return;
    std::uint32_t flags = file.value()->flags();
    to.text("pos:\t").decimal(file.value()->position()).text("\nflags:\t0");
    for (int shift = 24; shift >= 0; shift -= 3) {
        if (flags >> shift != 0) to.decimal(flags >> shift & 7);
    }
    to.text("\nmnt_id:\t1\n");
}

constexpr GeneratedNode descriptor_link = {.name = {},
                                           .type = FileType::symlink,
                                           .permissions = 0700,
                                           .write_text = write_descriptor_path,
                                           .object = descriptor_object};
constexpr GeneratedMembers descriptor_links = {"", &descriptor_link, next_descriptor};
constexpr GeneratedNode descriptor_info = {.name = {}, .permissions = 0400, .write_text = write_descriptor_info};
constexpr GeneratedMembers descriptor_infos = {"", &descriptor_info, next_descriptor};

std::optional<std::uint64_t> next_thread(std::uint64_t number) {
    std::optional<std::uint64_t> lowest;
    Guard guard(thread::all_threads().lock);
    for (thread::Thread& each : thread::all_threads().threads) {
        if (each.tid >= number && (!lowest || each.tid < *lowest)) lowest = each.tid;
    }
    return lowest;
}

constexpr GeneratedNode thread_entries[] = {
    generated_file("stat", write_stat),
    generated_file("statm", write_statm),
    generated_file("status", write_status),
    generated_file("maps", write_maps),
    {.name = "comm", .permissions = 0644, .write_text = write_name, .store = store_name},
};
constexpr GeneratedNode thread_directory = generated_directory("", thread_entries);
constexpr GeneratedMembers threads = {"", &thread_directory, next_thread};

constexpr GeneratedNode process_entries[] = {
    {.name = "exe", .type = FileType::symlink, .permissions = 0777, .write_text = write_image_path},
    {.name = "cwd",
     .type = FileType::symlink,
     .permissions = 0777,
     .write_text = write_working_directory,
     .object = working_directory_object},
    {.name = "root", .type = FileType::symlink, .permissions = 0777, .write_text = write_root},
    generated_file("maps", write_maps),
    generated_file("stat", write_stat),
    generated_file("statm", write_statm),
    generated_file("status", write_status),
    generated_file("cmdline", write_arguments),
    generated_file("environ", write_environment),
    generated_file("auxv", write_auxiliary_vector),
    generated_file("limits", write_limits),
    generated_file("mounts", proc::write_mounts),
    {.name = "comm", .permissions = 0644, .write_text = write_name, .store = store_name},
    {.name = "oom_score_adj", .permissions = 0644, .write_text = write_zero, .store = store_nothing},
    generated_file("oom_score", write_zero),
    generated_directory("fd", {}, &descriptor_links),
    generated_directory("fdinfo", {}, &descriptor_infos),
    generated_directory("task", {}, &threads),
};

}  // namespace

constinit const GeneratedNode proc_process = generated_directory("", process_entries);
constinit const GeneratedMembers proc_processes = {
    "", &proc_process, [](std::uint64_t number) {
        return number <= thread::process_id ? std::optional<std::uint64_t>(thread::process_id) : std::nullopt;
    }};

}  // namespace husk::fs
