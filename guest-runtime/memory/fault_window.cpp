// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/memory/fault_window.hpp"

#include <algorithm>
#include <array>

#include "guest-runtime/arch/vcpus.hpp"

namespace husk::memory {

namespace {

struct alignas(64) LastWindow {
    Window window = {};
};
constinit std::array<LastWindow, arch::max_vcpus> last_windows{};

}  // namespace

// A fault costs 25 us where ring 0 is emulated, each page attached with it 1 us. Windows grow up to what one call of
// the gate takes.
Window fault_window(const Mapping& mapping, std::uint64_t va) {
    std::uint64_t slot_begin = abi::align_down(va, abi::large_page_size);
    if (mapping.kind.stack) {
        std::uint64_t end = va + abi::page_size;
        std::uint64_t begin = end > fault_window_bytes ? end - fault_window_bytes : 0;
        return {std::max({mapping.begin, slot_begin, begin}), end};
    }
    std::uint64_t begin = abi::align_down(va, fault_window_bytes);
    std::uint64_t size_bytes = fault_window_bytes;
    Window& last = last_windows[arch::vcpu_index()].window;
    if (last.end == va) {
        begin = va;
        size_bytes = std::min(2 * (last.end - last.begin), eager_bytes);
    }
    last = {std::max(begin, mapping.begin), std::min({begin + size_bytes, mapping.end, end_of_slot(va)})};
    return last;
}

Window eager_window(const Mapping& mapping, std::uint64_t begin, std::uint64_t end) {
    if (mapping.source || (mapping.kind.protection & protection::write) == 0) return {};
    if (mapping.kind.stack) return {std::max(begin, end > stack_top_bytes ? end - stack_top_bytes : 0), end};
    return end - begin <= eager_bytes ? Window{begin, end} : Window{};
}

}  // namespace husk::memory
