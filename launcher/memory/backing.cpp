// SPDX-License-Identifier: Apache-2.0
#include "launcher/memory/backing.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <husk/abi/guest_address.hpp>

#include "launcher/host/errno_error.hpp"
#include "launcher/host/file_descriptor.hpp"

namespace husk::memory {

namespace {

constexpr std::uint64_t smallest_bytes = 4ull << 20;

// The launcher's own tables: 4 KiB pages, of which a short run touches a few dozen, so a huge page would only cost
// time.
constexpr std::uint64_t low_region_bytes = abi::large_page_size;

std::string_view folder_of(bool giant) { return giant ? "hugepages-1048576kB" : "hugepages-2048kB"; }

// What a node has free, without what is promised to others: the kernel does not count that by node.
std::uint64_t free_huge_pages(unsigned node, bool giant) {
    const std::string path = "/sys/devices/system/node/node" + std::to_string(node) + "/hugepages/" +
                             std::string(folder_of(giant)) + "/free_hugepages";
    const host::FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    char text[32] = {};
    if (!file.is_open() || ::read(file.get(), text, sizeof text - 1) <= 0) return 0;
    return std::strtoull(text, nullptr, 10);
}

std::optional<BackedMapping> try_hugetlb(std::uint64_t size_bytes, bool giant, std::optional<unsigned> node) {
    const std::uint64_t page = giant ? abi::giant_page_size : abi::large_page_size;
    const std::uint64_t mapped_bytes = abi::align_up(size_bytes, page);
    if (node && free_huge_pages(*node, giant) < mapped_bytes / page) return std::nullopt;
    host::Mapping mapping =
        host::Mapping::try_anonymous(mapped_bytes, page, giant ? host::PageKind::huge_1g : host::PageKind::huge_2m);
    if (!mapping.is_mapped()) return std::nullopt;
    return BackedMapping{std::move(mapping), abi::align_up(size_bytes, abi::page_size),
                         giant ? Backing::huge_1g : Backing::huge_2m};
}

host::Error no_huge_pages(std::uint64_t size_bytes, bool giant) {
    const std::uint64_t page = giant ? abi::giant_page_size : abi::large_page_size;
    const std::string pages = std::to_string(abi::align_up(size_bytes, page) / page);
    return {host::ExitCode::no_huge_pages, "the guest's memory needs " + pages + " huge pages of " +
                                               (giant ? "1 GiB" : "2 MiB") +
                                               ", and the host has not that many free: reserve them (as root: echo " +
                                               pages + " > /sys/kernel/mm/hugepages/" + std::string(folder_of(giant)) +
                                               "/nr_hugepages), or use --hugepages auto"};
}

bool transparent_pages_are_off() {
    const host::FileDescriptor file(::open("/sys/kernel/mm/transparent_hugepage/enabled", O_RDONLY | O_CLOEXEC));
    char text[64];
    const ssize_t bytes = file.is_open() ? ::read(file.get(), text, sizeof text) : 0;
    return std::string_view(text, bytes > 0 ? static_cast<std::size_t>(bytes) : 0).find("[never]") !=
           std::string_view::npos;
}

BackedMapping choose_backing(std::uint64_t size_bytes, config::HugePages wish, std::optional<unsigned> node) {
    using config::HugePages;
    if (size_bytes < smallest_bytes)
        throw host::Error(host::ExitCode::memory_too_small, "--memory is below 4M, the least that any image needs");

    if (wish == HugePages::size_1g || wish == HugePages::size_2m) {
        const bool giant = wish == HugePages::size_1g;
        if (auto backed = try_hugetlb(size_bytes, giant, node)) return std::move(*backed);
        throw no_huge_pages(size_bytes, giant);
    }
    if (wish == HugePages::automatic) {
        if (auto backed = try_hugetlb(size_bytes, false, node)) return std::move(*backed);
    }

    const std::uint64_t ram_bytes = abi::align_up(size_bytes, abi::page_size);
    host::Mapping mapping = host::Mapping::try_anonymous(ram_bytes, abi::large_page_size, host::PageKind::small);
    if (!mapping.is_mapped())
        throw host::errno_error(
            "cannot reserve " + std::to_string(ram_bytes >> 20) + " MiB of address space for --memory", errno);
    if (wish == HugePages::off) {
        mapping.advise(0, ram_bytes, host::Advice::no_huge_pages);
        return {std::move(mapping), ram_bytes, Backing::small};
    }
    mapping.advise(0, low_region_bytes, host::Advice::no_huge_pages);
    const bool taken = mapping.advise(low_region_bytes, ram_bytes - low_region_bytes, host::Advice::huge_pages);
    if (wish == HugePages::thp && (!taken || transparent_pages_are_off()))
        throw host::Error(host::ExitCode::no_huge_pages,
                          "this host has no transparent huge pages: turn them on (as root: echo madvise > "
                          "/sys/kernel/mm/transparent_hugepage/enabled), or use --hugepages auto");
    return {std::move(mapping), ram_bytes, taken ? Backing::transparent_huge : Backing::small};
}

}  // namespace

BackedMapping create_backing(std::uint64_t size_bytes, config::HugePages wish,
                             const config::MemoryPlacement& placement) {
    BackedMapping backed = choose_backing(size_bytes, wish, placement.node);
    if (placement.node && !backed.mapping.bind_to_node(*placement.node))
        throw host::Error(host::ExitCode::placement, "this host has no memory on NUMA node " +
                                                         std::to_string(*placement.node) + ", which --numa names");
    if (placement.is_mergeable && !backed.mapping.advise(0, backed.mapping.size_bytes(), host::Advice::mergeable))
        throw host::Error(host::ExitCode::placement, "the kernel of this host cannot merge equal pages, so not --ksm");
    return backed;
}

}  // namespace husk::memory
