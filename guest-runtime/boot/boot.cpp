// SPDX-License-Identifier: Apache-2.0
// From the first instruction to the application's: every part of the runtime is brought up in the order it is needed.
#include <new>

#include <husk/abi/machine.hpp>
#include <husk/abi/memory_layout.hpp>

#include "guest-runtime/arch/cpu.hpp"
#include "guest-runtime/arch/entry.hpp"
#include "guest-runtime/arch/per_cpu.hpp"
#include "guest-runtime/arch/vcpus.hpp"
#include "guest-runtime/base/format.hpp"
#include "guest-runtime/base/heap.hpp"
#include "guest-runtime/base/panic.hpp"
#include "guest-runtime/base/platform.hpp"
#include "guest-runtime/base/random_seed.hpp"
#include "guest-runtime/boot/application_stack.hpp"
#include "guest-runtime/boot/boot_info_reader.hpp"
#include "guest-runtime/boot/boot_state.hpp"
#include "guest-runtime/boot/own_image.hpp"
#include "guest-runtime/drivers/virtio_devices.hpp"
#include "guest-runtime/fs/block_file.hpp"
#include "guest-runtime/fs/initialise.hpp"
#include "guest-runtime/fs/mount_disks.hpp"
#include "guest-runtime/memory/initialise.hpp"
#include "guest-runtime/net/configure.hpp"
#include "guest-runtime/syscall/system_name.hpp"
#include "guest-runtime/syscall/trace.hpp"
#include "guest-runtime/thread/clock_source.hpp"
#include "guest-runtime/thread/death.hpp"
#include "guest-runtime/thread/debugger.hpp"
#include "guest-runtime/thread/first_thread.hpp"
#include "guest-runtime/thread/futex.hpp"
#include "guest-runtime/thread/memory_target.hpp"
#include "guest-runtime/thread/runtime_thread.hpp"
#include "guest-runtime/thread/scheduler.hpp"
#include "guest-runtime/thread/vcpu_start.hpp"
#include "guest-runtime/thread/vector_state.hpp"

const husk::abi::CpuidEntry* husk_cpuid_table = nullptr;
std::uint32_t husk_cpuid_count = 0;

namespace husk::boot {

namespace {

constinit BootView view{};

// The launcher takes wall clock and host TSC at one moment; the guest's TSC then was host_tsc + tsc_offset.
void start_clock(const abi::BootInfo& info) {
    std::uint64_t tsc_then = info.host_tsc + static_cast<std::uint64_t>(info.tsc_offset);
    std::uint64_t now = arch::read_tsc();
    std::uint64_t since_ticks = now > tsc_then ? now - tsc_then : 0;
    // More than a minute between launcher and first instruction means that the offset was not what it seemed.
    if (since_ticks / info.tsc_hz > 60) since_ticks = 0;
    auto since_ns =
        static_cast<std::uint64_t>(static_cast<unsigned __int128>(since_ticks) * 1'000'000'000 / info.tsc_hz);
    thread::initialise_clock(info.tsc_hz, now, info.wall_clock_ns + static_cast<std::int64_t>(since_ns));
}

constinit ApplicationStart application_start{};

void start_application() { thread::start_first_thread(image_path(), application_start.rip, application_start.rsp); }

// Ends the VM as a launcher does that cannot start something.
[[noreturn]] void fail_to_start(std::string_view why) {
    constexpr int status = 125;
    // Console bytes need a gpa that the launcher can find: not this stack's.
    constexpr std::size_t room = 512;
    if (auto* text = static_cast<char*>(heap::allocate(room))) {
        TextWriter line({text, room});
        line.text("husk: ").text(why).text("\n");
        (void)platform::console_write(2, std::as_bytes(std::span(line.view())));
    }
    thread::exit_process(status);
}

// In a thread of its own, since reading a disk means waiting for it.
void mount_and_start(void*) {
    char buffer[256];
    TextWriter why(buffer);
    if (!fs::mount_disks(view.settings, why).ok()) fail_to_start(why.view());
    fs::enter_working_directory();
    start_application();
}

}  // namespace

const abi::BootInfo& boot_info() { return *view.info; }
bool is_verbose() { return (view.info->flags & abi::boot_flag::verbose) != 0; }
std::string_view argument_block() { return view.arguments; }
std::string_view environment_block() { return view.environment; }
std::string_view working_directory() { return view.working_directory; }
std::string_view image_path() { return view.arguments.substr(0, view.arguments.find('\0')); }

}  // namespace husk::boot

namespace husk {

bool log_is_wanted() { return boot::view.info != nullptr && boot::is_verbose(); }

}  // namespace husk

void husk_boot(const husk::abi::BootInfo* info) {
    using namespace husk;
    if (arch::per_cpu().mailbox.vcpu_index != 0) {
        thread::run_secondary_vcpu((info->flags & abi::boot_flag::one_tsc) != 0);
    }
    arch::initialise_per_cpu(arch::per_cpu());
    thread::become_idle_thread();

    // SAFETY: the launcher maps the record at the address in rdi with all that its size says.
    auto checked = boot::read_boot_info({reinterpret_cast<const std::byte*>(info), info->size_bytes});
    check(checked.ok(), "the boot info is not what ABI number says it should be");
    boot::view = checked.value();
    arch::initialise_vcpus(info->vcpu_areas, info->vcpu_count);
    thread::initialise_queues();

    boot::start_clock(*info);
    husk_cpuid_table = boot::view.cpuid.data();
    husk_cpuid_count = static_cast<std::uint32_t>(boot::view.cpuid.size());
    seed_random(info->seed, arch::has_random_instruction(boot::feature_leaf(boot::view.cpuid).ecx));
    memory::initialise(*info);
    boot::adopt_own_segments();
    thread::futex::initialise();
    thread::initialise_vector_state(info->xsave_size_bytes, info->xcr0);
    fs::initialise();

    sys::take_host_name(boot::view.settings);
    thread::start_giving_back(boot::view.settings);
    sys::start_trace(boot::view.settings);
    if ((info->flags & abi::boot_flag::debugger) != 0) thread::attach_debugger();
    virtio_devices::start(boot::view.devices);
    net::configure(boot::view.settings);
    fs::register_block_devices();

    auto start = boot::build_application_stack(boot::view);
    check(start.ok(), "no memory for the application's stack, arguments and environment");
    boot::application_start = start.value();
    if (fs::wants_mounts(boot::view.settings)) {
        check(thread::start_runtime_thread(boot::mount_and_start, nullptr).ok(), "no memory for the first thread");
    } else {
        boot::start_application();
    }
    thread::run_idle();
}
