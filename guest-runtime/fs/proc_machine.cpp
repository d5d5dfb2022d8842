// SPDX-License-Identifier: Apache-2.0
// The larger files of /proc about the machine: cpuinfo, meminfo, stat, mounts.
#include "guest-runtime/fs/block/block_devices.hpp"
#include "guest-runtime/fs/block_file.hpp"
#include "guest-runtime/fs/mount_table.hpp"
#include "guest-runtime/fs/page_cache_list.hpp"
#include "guest-runtime/fs/proc.hpp"
#include "guest-runtime/fs/system_facts.hpp"
#include "guest-runtime/memory/frames.hpp"
#include "guest-runtime/thread/clock.hpp"
#include "guest-runtime/thread/cpu_time.hpp"
#include "guest-runtime/thread/scheduler.hpp"
#include "guest-runtime/thread/thread.hpp"

namespace husk::fs::proc {

namespace {

// The flags that programs look for, by the leaf and register that show them.
struct CpuFlag {
    std::uint32_t leaf;
    char reg;
    std::uint8_t bit;
    std::string_view name;
};
constexpr CpuFlag cpu_flags[] = {
    {1, 'd', 0, "fpu"},
    {1, 'd', 4, "tsc"},
    {1, 'd', 8, "cx8"},
    {1, 'd', 15, "cmov"},
    {1, 'd', 23, "mmx"},
    {1, 'd', 24, "fxsr"},
    {1, 'd', 25, "sse"},
    {1, 'd', 26, "sse2"},
    {1, 'c', 0, "pni"},
    {1, 'c', 1, "pclmulqdq"},
    {1, 'c', 9, "ssse3"},
    {1, 'c', 12, "fma"},
    {1, 'c', 13, "cx16"},
    {1, 'c', 19, "sse4_1"},
    {1, 'c', 20, "sse4_2"},
    {1, 'c', 22, "movbe"},
    {1, 'c', 23, "popcnt"},
    {1, 'c', 25, "aes"},
    {1, 'c', 26, "xsave"},
    {1, 'c', 28, "avx"},
    {1, 'c', 29, "f16c"},
    {1, 'c', 30, "rdrand"},
    {1, 'c', 31, "hypervisor"},
    {7, 'b', 0, "fsgsbase"},
    {7, 'b', 3, "bmi1"},
    {7, 'b', 5, "avx2"},
    {7, 'b', 8, "bmi2"},
    {7, 'b', 9, "erms"},
    {7, 'b', 16, "avx512f"},
    {7, 'b', 17, "avx512dq"},
    {7, 'b', 18, "rdseed"},
    {7, 'b', 19, "adx"},
    {7, 'b', 28, "avx512cd"},
    {7, 'b', 29, "sha_ni"},
    {7, 'b', 30, "avx512bw"},
    {7, 'b', 31, "avx512vl"},
    {7, 'c', 1, "avx512vbmi"},
    {7, 'c', 8, "gfni"},
    {7, 'c', 9, "vaes"},
    {7, 'c', 10, "vpclmulqdq"},
    {7, 'c', 11, "avx512_vnni"},
    {0x80000001, 'd', 26, "pdpe1gb"},
    {0x80000001, 'd', 27, "rdtscp"},
    {0x80000001, 'd', 29, "lm"},
    {0x80000001, 'c', 5, "abm"},
};

void write_flags(Text& to) {
    std::uint32_t leaf = 0;
    facts::CpuidAnswer answer = {};
    for (const CpuFlag& flag : cpu_flags) {
        if (flag.leaf != leaf) answer = facts::cpuid(leaf = flag.leaf, 0);
        std::uint32_t word = flag.reg == 'b' ? answer.ebx : flag.reg == 'c' ? answer.ecx : answer.edx;
        if ((word >> flag.bit & 1) != 0) to.text(" ").text(flag.name);
    }
}

// Registers read as text, low byte first.
void write_registers(Text& to, std::span<const std::uint32_t> words) {
    for (std::uint32_t word : words) {
        for (unsigned i = 0; i < 4; ++i, word >>= 8) {
            char c = static_cast<char>(word & 0xff);
            if (c != 0) to.text({&c, 1});
        }
    }
}

void write_kib(Text& to, std::string_view name, std::uint64_t frames) {
    to.text(name).text(":").decimal(frames * (abi::page_size / 1024), 23 - name.size()).text(" kB\n");
}

}  // namespace

void write_cpuinfo(Text& to, std::uint64_t) {
    facts::CpuidAnswer vendor = facts::cpuid(0, 0);
    facts::CpuidAnswer version = facts::cpuid(1, 0);
    std::uint32_t family = version.eax >> 8 & 0xf;
    std::uint32_t model = (version.eax >> 4 & 0xf) | (version.eax >> 12 & 0xf0);
    if (family == 0xf) family += version.eax >> 20 & 0xff;
    std::uint64_t khz = facts::tsc_hz() / 1000;
    std::uint32_t count = thread::vcpu_count();
    for (std::uint32_t cpu = 0; cpu < count; ++cpu) {
        to.text("processor\t: ").decimal(cpu).text("\nvendor_id\t: ");
        write_registers(to, std::array{vendor.ebx, vendor.edx, vendor.ecx});
        to.text("\ncpu family\t: ").decimal(family).text("\nmodel\t\t: ").decimal(model).text("\nmodel name\t: ");
        for (std::uint32_t leaf = 0x80000002; leaf <= 0x80000004; ++leaf) {
            facts::CpuidAnswer part = facts::cpuid(leaf, 0);
            write_registers(to, std::array{part.eax, part.ebx, part.ecx, part.edx});
        }
        to.text("\nstepping\t: ").decimal(version.eax & 0xf);
        to.text("\ncpu MHz\t\t: ").decimal(khz / 1000).text(".").decimal(khz % 1000, 3, '0');
        to.text("\nphysical id\t: 0\nsiblings\t: ").decimal(count).text("\ncore id\t\t: ").decimal(cpu);
        to.text("\ncpu cores\t: ").decimal(count).text("\nfpu\t\t: yes\nflags\t\t:");
        write_flags(to);
        to.text("\nbogomips\t: ").decimal(khz / 500).text(".00\nclflush size\t: 64\ncache_alignment\t: 64\n");
        to.text("address sizes\t: 46 bits physical, 48 bits virtual\n\n");
    }
}

void write_meminfo(Text& to, std::uint64_t) {
    memory::FrameCounts counts = memory::frame_counts();
    write_kib(to, "MemTotal", counts.total);
    write_kib(to, "MemFree", counts.free);
    std::uint64_t cached = page_caches().pages.load(std::memory_order_relaxed);
    std::uint64_t dirty = page_caches().dirty_pages.load(std::memory_order_relaxed);
    write_kib(to, "MemAvailable", counts.free + (cached > dirty ? cached - dirty : 0));
    write_kib(to, "Buffers", 0);
    write_kib(to, "Cached", cached);
    for (std::string_view name : {"SwapCached", "SwapTotal", "SwapFree"}) write_kib(to, name, 0);
    write_kib(to, "Dirty", dirty);
    write_kib(to, "Writeback", 0);
    write_kib(to, "CommitLimit", counts.total);
    write_kib(to, "Committed_AS", counts.total - counts.free);
    to.text("HugePages_Total:       0\nHugePages_Free:        0\nHugepagesize:       2048 kB\n");
}

void write_stat(Text& to, std::uint64_t) {
    constexpr std::uint64_t tick_ns = 10'000'000;  // USER_HZ is 100
    std::uint64_t up_ns = thread::monotonic_ns();
    std::uint32_t count = thread::vcpu_count();
    std::uint64_t busy = thread::process_cpu_ns() / tick_ns;
    std::uint64_t all = up_ns / tick_ns * count;
    auto line = [&](std::uint64_t user, std::uint64_t total) {
        to.text(" ").decimal(user).text(" 0 0 ").decimal(total > user ? total - user : 0).text(" 0 0 0 0 0 0\n");
    };
    to.text("cpu ");
    line(busy, all);
    for (std::uint32_t cpu = 0; cpu < count; ++cpu) {
        to.text("cpu").decimal(cpu);
        line(busy / count, all / count);
    }
    std::int64_t booted_ns = thread::realtime_ns() - static_cast<std::int64_t>(up_ns);
    to.text("intr 0\nctxt 0\nbtime ").signed_decimal(booted_ns / 1'000'000'000);
    to.text("\nprocesses 1\nprocs_running 1\nprocs_blocked 0\n");
}

void write_partitions(Text& to, std::uint64_t) {
    to.text("major minor  #blocks  name\n\n");
    for (std::size_t i = 0; const block::BlockDevice* disk = block::device_at(i); ++i) {
        to.decimal(block_major, 4).text(" ").decimal(i * block_minors_each, 8).text(" ");
        to.decimal(disk->size_bytes() / 1024, 10).text(" ").text(disk->name()).text("\n");
    }
}

void write_mounts(Text& to, std::uint64_t) {
    for (std::size_t i = 0; const Mount* entry = mount_at(i); ++i) {
        to.text(entry->source.view()).text(" ").text(entry->path.view()).text(" ").text(entry->filesystem->name());
        to.text(entry->filesystem->is_read_only() ? " ro" : " rw").text(",relatime 0 0\n");
    }
}

}  // namespace husk::fs::proc
