// SPDX-License-Identifier: Apache-2.0
// The guest's reader of boot info: any bytes give a view that lies within them, or an errno.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <vector>

#include "guest-runtime/boot/boot_info_reader.hpp"

namespace {

volatile std::uint8_t sink;  // keeps the reads below

// Touches every byte: AddressSanitizer knows where the input ends.
void read_all(const void* begin, std::size_t size_bytes) {
    // SAFETY: bytes of any object may be read; the range is what is under test.
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(begin);
    for (std::size_t i = 0; i < size_bytes; ++i) sink = bytes[i];
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    // Page-aligned as a launcher places it, and ending exactly where the input does.
    auto* const block = static_cast<std::byte*>(::operator new (size, std::align_val_t{64}));
    std::memcpy(block, data, size);
    const auto view = husk::boot::read_boot_info({block, size});
    if (view.ok()) {
        read_all(view.value().info, sizeof(husk::abi::BootInfo));
        read_all(view.value().cpuid.data(), view.value().cpuid.size_bytes());
        read_all(view.value().devices.data(), view.value().devices.size_bytes());
        read_all(view.value().settings.data(), view.value().settings.size());
        read_all(view.value().arguments.data(), view.value().arguments.size());
        read_all(view.value().environment.data(), view.value().environment.size());
        read_all(view.value().working_directory.data(), view.value().working_directory.size() + 1);
    }
    ::operator delete (block, std::align_val_t{64});
    return 0;
}
