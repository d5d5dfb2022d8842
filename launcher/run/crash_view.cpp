// SPDX-License-Identifier: Apache-2.0
#include "launcher/run/crash_view.hpp"

namespace husk::run {

namespace {

constexpr std::uint32_t most_threads = 1u << 16;
constexpr std::uint32_t most_mappings = 1u << 20;
constexpr std::uint32_t longest_message_bytes = 1u << 16;

void keep_if_in_ram(const memory::GuestMemory& memory, std::uint64_t gpa, std::uint32_t& count, std::uint32_t most,
                    std::uint64_t item_bytes) {
    if (count > most || memory.try_span({gpa}, count * item_bytes).empty()) count = 0;
}

}  // namespace

std::optional<abi::CrashRecord> try_read_crash_record(const memory::GuestMemory& memory, abi::GuestPhys at) {
    auto record = memory.copy_in<abi::CrashRecord>(at);
    if (!record) return std::nullopt;
    if (record->kind != abi::CrashKind::signal && record->kind != abi::CrashKind::panic) return std::nullopt;
    keep_if_in_ram(memory, record->threads_gpa, record->thread_count, most_threads, sizeof(abi::CrashThread));
    keep_if_in_ram(memory, record->mappings_gpa, record->mapping_count, most_mappings, sizeof(abi::CrashMapping));
    keep_if_in_ram(memory, record->message_gpa, record->message_bytes, longest_message_bytes, 1);
    return record;
}

std::optional<abi::StopRecord> try_read_stop_record(const memory::GuestMemory& memory, abi::GuestPhys at) {
    auto record = memory.copy_in<abi::StopRecord>(at);
    if (!record || record->reason < abi::StopReason::asked || record->reason > abi::StopReason::fault)
        return std::nullopt;
    keep_if_in_ram(memory, record->threads_gpa, record->thread_count, most_threads, sizeof(abi::CrashThread));
    return record;
}

}  // namespace husk::run
