// SPDX-License-Identifier: Apache-2.0
#include "launcher/profile/sample.hpp"

#include <algorithm>
#include <cstring>

#include <husk/abi/doorbell.hpp>
#include <husk/abi/memory_layout.hpp>
#include <husk/abi/thread_label.hpp>

#include "launcher/report/guest_pages.hpp"

namespace husk::profile {

namespace {

using report::GuestPages;

constexpr std::uint64_t ring_mask = 3;

template <class T>
std::optional<T> read_virtual(const GuestPages& pages, std::uint64_t address) {
    T value;
    if (!pages.copy_in({address}, std::as_writable_bytes(std::span(&value, 1)))) return std::nullopt;
    return value;
}

// Up to the first page that is not there.
Slice copy_slice(const GuestPages& pages, std::uint64_t begin, std::uint64_t size_bytes) {
    Slice slice{begin, {}};
    while (slice.bytes.size() < size_bytes) {
        const std::uint64_t at = begin + slice.bytes.size();
        const std::uint64_t in_page = abi::page_size - at % abi::page_size;
        std::string piece(std::min(size_bytes - slice.bytes.size(), in_page), '\0');
        if (!pages.copy_in({at}, std::as_writable_bytes(std::span(piece)))) break;
        slice.bytes += piece;
    }
    return slice;
}

bool idles(const run::SampleView& view, std::uint32_t tid) {
    const std::uint64_t stack = abi::physmap(view.vcpu_area + abi::vcpu_area::boot_stack_begin).value;
    constexpr std::uint64_t size_bytes = abi::vcpu_area::boot_stack_end - abi::vcpu_area::boot_stack_begin;
    return tid == 0 && view.registers.rsp - stack <= size_bytes;
}

// Ring 0 has the interrupted code's rip and rsp at the end of its stack.
std::optional<abi::CrashRegisters> interrupted_by_trap(const run::SampleView& view) {
    struct Frame {
        std::uint64_t rip, cs, rflags, rsp, ss;
    };
    const auto frame = view.memory.copy_in<Frame>(view.vcpu_area + abi::vcpu_area::ring0_stack_end - sizeof(Frame));
    if (!frame) return std::nullopt;
    abi::CrashRegisters registers = view.registers;
    registers.rip = frame->rip;
    registers.rsp = frame->rsp;
    return registers;
}

std::optional<abi::CrashRegisters> entered_registers(const GuestPages& pages, std::uint64_t kernel_stack) {
    abi::CrashRegisters registers{};
    const auto bytes = std::as_writable_bytes(std::span(&registers, 1)).first(abi::entered_registers_bytes);
    if (!pages.copy_in({kernel_stack - abi::entered_registers_bytes}, bytes)) return std::nullopt;
    return registers;
}

// Where the application is, seen from a vCPU in the runtime.
void follow_into_application(const run::SampleView& view, const GuestPages& pages, Sample& sample,
                             const RuntimeText& runtime) {
    const abi::CrashRegisters& now = view.registers;
    const auto mailbox = view.memory.copy_in<abi::VcpuMailbox>(view.vcpu_area);
    if (!mailbox) return;
    const std::uint64_t kernel_stack = mailbox->upcall_stack;
    const bool is_on_kernel_stack = now.rsp <= kernel_stack && kernel_stack - now.rsp <= abi::kernel_stack_bytes;
    if ((now.cs & ring_mask) == 0) {
        sample.entered = interrupted_by_trap(view);
        if (sample.entered && runtime.holds(sample.entered->rip)) sample.entered.reset();
    } else if (is_on_kernel_stack) {
        sample.runtime_stack = copy_slice(pages, now.rsp, kernel_stack - now.rsp);
        if (sample.tid != 0) sample.entered = entered_registers(pages, kernel_stack);
    } else if (sample.tid != 0) {
        // The first and the last instructions of a system call run on the application's stack, its return address in
        // rcx.
        sample.entered = now;
        sample.entered->rip = now.rcx;
    }
}

void put_bytes(std::string& to, const void* from, std::size_t size_bytes) {
    to.append(static_cast<const char*>(from), size_bytes);
}

struct Header {
    std::uint32_t tid;
    std::uint32_t is_in_runtime;
    std::uint32_t has_entered;
    std::uint32_t runtime_stack_bytes;
    std::uint64_t runtime_stack_begin;
    std::uint64_t application_stack_begin;
    char name[16];
    abi::CrashRegisters registers;
    abi::CrashRegisters entered;
};

}  // namespace

std::optional<std::uint64_t> Slice::try_word(std::uint64_t address) const {
    std::uint64_t word = 0;
    if (address < begin || bytes.size() < sizeof word || address - begin > bytes.size() - sizeof word)
        return std::nullopt;
    std::memcpy(&word, bytes.data() + (address - begin), sizeof word);
    return word;
}

std::optional<std::uint64_t> Sample::try_word(std::uint64_t address) const {
    if (const auto word = application_stack.try_word(address)) return word;
    return runtime_stack.try_word(address);
}

std::optional<Sample> try_take_sample(const run::SampleView& view, const RuntimeText& runtime) {
    const GuestPages pages(view.memory, view.page_table_root);
    Sample sample;
    const auto label_at = view.memory.copy_in<std::uint64_t>(view.vcpu_area + abi::vcpu_area::current_thread_offset);
    if (const auto label = label_at ? read_virtual<abi::ThreadLabel>(pages, *label_at) : std::nullopt) {
        sample.tid = label->tid;
        sample.thread_name.assign(label->name, ::strnlen(label->name, sizeof label->name));
    }
    if (idles(view, sample.tid)) return std::nullopt;
    sample.registers = view.registers;
    sample.is_in_runtime = runtime.holds(view.registers.rip) || (view.registers.cs & ring_mask) == 0;
    if (sample.is_in_runtime) follow_into_application(view, pages, sample, runtime);
    const std::uint64_t stack = sample.entered ? sample.entered->rsp : view.registers.rsp;
    if (!sample.is_in_runtime || sample.entered) sample.application_stack = copy_slice(pages, stack, stack_bytes_max);
    return sample;
}

std::string encode(const Sample& sample) {
    Header header{};
    header.tid = sample.tid;
    header.is_in_runtime = sample.is_in_runtime ? 1 : 0;
    header.has_entered = sample.entered ? 1 : 0;
    header.runtime_stack_bytes = static_cast<std::uint32_t>(sample.runtime_stack.bytes.size());
    header.runtime_stack_begin = sample.runtime_stack.begin;
    header.application_stack_begin = sample.application_stack.begin;
    sample.thread_name.copy(header.name, sizeof header.name);
    header.registers = sample.registers;
    if (sample.entered) header.entered = *sample.entered;
    std::string bytes;
    put_bytes(bytes, &header, sizeof header);
    return bytes + sample.runtime_stack.bytes + sample.application_stack.bytes;
}

std::optional<Sample> decode(std::string_view bytes) {
    Header header;
    if (bytes.size() < sizeof header) return std::nullopt;
    std::memcpy(&header, bytes.data(), sizeof header);
    bytes.remove_prefix(sizeof header);
    if (header.runtime_stack_bytes > bytes.size()) return std::nullopt;
    Sample sample;
    sample.tid = header.tid;
    sample.thread_name.assign(header.name, ::strnlen(header.name, sizeof header.name));
    sample.registers = header.registers;
    sample.is_in_runtime = header.is_in_runtime != 0;
    if (header.has_entered != 0) sample.entered = header.entered;
    sample.runtime_stack = {header.runtime_stack_begin, std::string(bytes.substr(0, header.runtime_stack_bytes))};
    sample.application_stack = {header.application_stack_begin, std::string(bytes.substr(header.runtime_stack_bytes))};
    return sample;
}

}  // namespace husk::profile
