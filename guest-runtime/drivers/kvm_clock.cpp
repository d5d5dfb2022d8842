// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/drivers/kvm_clock.hpp"

#include "guest-runtime/arch/cpu.hpp"
#include "guest-runtime/arch/privileged.hpp"

namespace husk::kvm_clock {

namespace {

constexpr std::uint32_t signature_leaf = 0x4000'0000, features_leaf = 0x4000'0001;
constexpr std::uint32_t signature[3] = {0x4b4d'564b, 0x564b'4d56, 0x4d};  // "KVMKVMKVM"
constexpr unsigned clocksource2_bit = 3;
constexpr std::uint32_t wall_clock_msr = 0x4b56'4d00, system_time_msr = 0x4b56'4d01;
constexpr std::uint64_t enable_bit = 1;

struct SystemTime {  // pvclock_vcpu_time_info
    std::uint32_t version, padding;
    std::uint64_t tsc_then, ns_then;
    std::uint32_t tick_to_ns_q32;
    std::int8_t tick_shift;
    std::uint8_t flags, padding2[2];
};
static_assert(sizeof(SystemTime) == 32);
struct WallClock {  // pvclock_wall_clock
    std::uint32_t version, seconds, nanoseconds;
};

// The host writes them when the MSR is written; the image's gpas are its addresses.
alignas(32) constinit SystemTime system_time{};
alignas(32) constinit WallClock wall_clock{};

std::uint64_t gpa_of(const void* object) {
    // SAFETY: an address only.
    return reinterpret_cast<std::uint64_t>(object);
}

bool is_there() {
    arch::CpuidResult answer = arch::cpuid(signature_leaf);
    return answer.ebx == signature[0] && answer.ecx == signature[1] && answer.edx == signature[2] &&
           (arch::cpuid(features_leaf).eax >> clocksource2_bit & 1) != 0;
}

std::uint64_t shifted(std::uint64_t value, int by) { return by < 0 ? value >> -by : value << by; }

}  // namespace

std::optional<Reading> read() {
    if ((arch::cpuid(1).ecx >> 31) == 0 || !is_there()) return std::nullopt;
    arch::write_msr(wall_clock_msr, gpa_of(&wall_clock));
    arch::write_msr(system_time_msr, gpa_of(&system_time) | enable_bit);
    SystemTime now = system_time;
    std::uint64_t tsc = arch::read_tsc();
    arch::write_msr(system_time_msr, 0);
    if (now.version == 0 || now.tick_to_ns_q32 == 0) return std::nullopt;

    constexpr std::uint64_t ns_per_second = 1'000'000'000;
    std::uint64_t tsc_hz = shifted((ns_per_second << 32) / now.tick_to_ns_q32, -now.tick_shift);
    std::uint64_t ticks = tsc > now.tsc_then ? shifted(tsc - now.tsc_then, now.tick_shift) : 0;
    auto since_ns = static_cast<std::uint64_t>(static_cast<unsigned __int128>(ticks) * now.tick_to_ns_q32 >> 32);
    std::uint64_t wall_ns = wall_clock.seconds * ns_per_second + wall_clock.nanoseconds + now.ns_then + since_ns;
    return Reading{tsc_hz, static_cast<std::int64_t>(wall_ns)};
}

}  // namespace husk::kvm_clock
