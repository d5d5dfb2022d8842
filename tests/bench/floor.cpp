// SPDX-License-Identifier: Apache-2.0
// The shortest life a VM can have: what a launcher cannot be faster than. Its guest is one `out` in ring 3.
//
//   floor --write-cpuid FILE    asks KVM once for its cpuid table
//   floor FILE                  one VM: create, run until the guest's first exit, end
#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string_view>

namespace {

// The kernel header's struct is mislaid in C++ (an empty struct of size 1 in front), so is the number made of it.
struct CpuidTable {
    std::uint32_t count;
    std::uint32_t padding;
    std::array<kvm_cpuid_entry2, 128> entries;
};
constexpr unsigned long get_supported_cpuid = _IOC(_IOC_READ | _IOC_WRITE, KVMIO, 0x05, 8);
constexpr unsigned long set_cpuid2 = _IOC(_IOC_WRITE, KVMIO, 0x90, 8);

constexpr std::size_t ram_bytes = std::size_t{64} << 20;
constexpr std::uint64_t pml4_at = 0x1000, pdpt_at = 0x2000, directory_at = 0x3000, gdt_at = 0x4000, tss_at = 0x4800,
                        code_at = 0x5000, stack_at = 0x8000;
constexpr std::uint16_t exit_port = 0xf4;

[[noreturn]] void fail(const char* what) {
    std::perror(what);
    _exit(1);
}

int checked(int result, const char* what) {
    if (result < 0) fail(what);
    return result;
}

std::uint8_t* make_memory() {
    void* ram = mmap(nullptr, ram_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (ram == MAP_FAILED) fail("mmap");
    return static_cast<std::uint8_t*>(ram);
}

void put(std::uint8_t* ram, std::uint64_t at, std::uint64_t word) { std::memcpy(ram + at, &word, sizeof word); }

// Identity map in 2 MiB pages with accessed and dirty set, Linux's selectors, a TSS that opens the port, three
// instructions.
void fill_memory(std::uint8_t* ram) {
    put(ram, pml4_at, pdpt_at | 0x27);
    put(ram, pdpt_at, directory_at | 0x27);
    for (std::uint64_t i = 0; i < ram_bytes >> 21; ++i) put(ram, directory_at + 8 * i, i << 21 | 0xe7);
    constexpr std::uint64_t segments[] = {0x00af'9b00'0000'ffff, 0x00cf'9300'0000'ffff, 0x00cf'fb00'0000'ffff,
                                          0x00cf'f300'0000'ffff, 0x00af'fb00'0000'ffff};
    for (std::uint64_t i = 0; i < std::size(segments); ++i) put(ram, gdt_at + 8 * (i + 2), segments[i]);
    put(ram, gdt_at + 0x40, 0x8b | tss_at << 16 | 0x8bull << 40);
    const std::uint16_t bitmap_offset = 0x68;
    std::memcpy(ram + tss_at + 0x66, &bitmap_offset, sizeof bitmap_offset);
    ram[tss_at + bitmap_offset + 0x20] = 0xff;                      // what follows the bitmap's used part
    constexpr std::uint8_t code[] = {0xe7, exit_port, 0xeb, 0xfc};  // out %eax, $exit_port; jmp back
    std::memcpy(ram + code_at, code, sizeof code);
}

void set_registers(int vcpu, kvm_run* run) {
    kvm_sregs special{};
    checked(ioctl(vcpu, KVM_GET_SREGS, &special), "KVM_GET_SREGS");
    kvm_segment segment{};
    segment.limit = 0xffff'ffff;
    segment.present = segment.s = segment.g = 1;
    segment.dpl = 3;
    segment.type = 3;
    segment.selector = 0x2b;
    segment.db = 1;
    special.ds = special.es = special.fs = special.gs = special.ss = segment;
    segment.type = 11;
    segment.selector = 0x33;
    segment.db = 0;
    segment.l = 1;
    special.cs = segment;
    kvm_segment task{};
    task.base = tss_at;
    task.limit = 0x8b;
    task.selector = 0x40;
    task.present = 1;
    task.type = 11;
    special.tr = task;
    special.gdt.base = gdt_at;
    special.gdt.limit = 79;
    special.idt.limit = 0;
    special.cr0 = 0x8005'0033;
    special.cr3 = pml4_at;
    special.cr4 = 0x5'0620;  // PAE, OSFXSR, OSXMMEXCPT, FSGSBASE, OSXSAVE
    special.efer = 0xd01;
    run->s.regs.sregs = special;
    run->s.regs.regs = {};
    run->s.regs.regs.rip = code_at;
    run->s.regs.regs.rsp = stack_at;
    run->s.regs.regs.rflags = 0x3202;
    run->kvm_dirty_regs = KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS;
}

void write_cpuid(const char* path) {
    static CpuidTable table;
    table.count = table.entries.size();
    const int kvm = checked(open("/dev/kvm", O_RDWR | O_CLOEXEC), "/dev/kvm");
    checked(ioctl(kvm, get_supported_cpuid, &table), "KVM_GET_SUPPORTED_CPUID");
    const int file = checked(open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644), path);
    if (write(file, &table, sizeof table) != sizeof table) fail(path);
}

void live_once(const char* cpuid_path) {
    std::uint8_t* ram = make_memory();
    fill_memory(ram);
    static CpuidTable table;
    const int file = checked(open(cpuid_path, O_RDONLY | O_CLOEXEC), cpuid_path);
    if (read(file, &table, sizeof table) != sizeof table) fail(cpuid_path);

    const int kvm = checked(open("/dev/kvm", O_RDWR | O_CLOEXEC), "/dev/kvm");
    const int vm = checked(ioctl(kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
    kvm_userspace_memory_region slot{};
    slot.memory_size = ram_bytes;
    slot.userspace_addr = reinterpret_cast<std::uint64_t>(ram);
    checked(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &slot), "KVM_SET_USER_MEMORY_REGION");
    kvm_enable_cap split{};
    split.cap = KVM_CAP_SPLIT_IRQCHIP;
    split.args[0] = 24;
    checked(ioctl(vm, KVM_ENABLE_CAP, &split), "KVM_CAP_SPLIT_IRQCHIP");
    const int vcpu = checked(ioctl(vm, KVM_CREATE_VCPU, 0), "KVM_CREATE_VCPU");
    void* shared = mmap(nullptr, static_cast<std::size_t>(checked(ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), "size")),
                        PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
    if (shared == MAP_FAILED) fail("mmap of kvm_run");
    auto* run = static_cast<kvm_run*>(shared);
    checked(ioctl(vcpu, set_cpuid2, &table), "KVM_SET_CPUID2");
    set_registers(vcpu, run);
    checked(ioctl(vcpu, KVM_RUN, 0), "KVM_RUN");
    if (run->exit_reason != KVM_EXIT_IO || run->io.port != exit_port) {
        std::fprintf(stderr, "floor: exit reason %u instead of the guest's port write\n", run->exit_reason);
        _exit(1);
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc == 3 && std::string_view(argv[1]) == "--write-cpuid") {
        write_cpuid(argv[2]);
    } else if (argc == 2) {
        live_once(argv[1]);
    } else {
        std::fputs("usage: floor FILE | floor --write-cpuid FILE\n", stderr);
        return 64;
    }
    _exit(0);
}
