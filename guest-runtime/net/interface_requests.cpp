// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/net/interface_requests.hpp"

#include <array>
#include <cstring>

#include <lwip/netif.h>

#include "guest-runtime/base/user_memory.hpp"
#include "guest-runtime/net/inet_address.hpp"
#include "guest-runtime/net/interfaces.hpp"
#include "guest-runtime/net/stack.hpp"

namespace husk::net {

namespace {

// SIOC*
constexpr std::uint64_t get_name = 0x8910, get_list = 0x8912, get_flags = 0x8913, get_address = 0x8915,
                        get_destination = 0x8917, get_broadcast = 0x8919, get_mask = 0x891b, get_metric = 0x891d,
                        get_mtu = 0x8921, get_hardware = 0x8927, get_index = 0x8933, get_queue_length = 0x8942;

// struct ifreq
struct InterfaceRequest {
    InterfaceName name;
    union {
        std::array<std::byte, 24> bytes;
        std::int32_t integer;
        std::int16_t flags;
    };
};
static_assert(sizeof(InterfaceRequest) == 40);

// struct ifconf
struct InterfaceList {
    std::int32_t size_bytes;
    std::int32_t padding;
    std::uint64_t requests;
};

void put_address(InterfaceRequest& request, std::uint32_t address_word) {
    ip_addr_t address{};
    ip_addr_set_ip4_u32(&address, address_word);
    Address text = inet_address(address, 0, Family::inet);
    std::memcpy(request.bytes.data(), text.bytes.data(), text.size_bytes);
}

void put_hardware(InterfaceRequest& request, const netif& interface) {
    constexpr std::uint16_t ethernet = 1, loopback = 772;  // ARPHRD_*
    std::uint16_t kind = interface.hwaddr_len != 0 ? ethernet : loopback;
    std::memcpy(request.bytes.data(), &kind, sizeof kind);
    std::memcpy(request.bytes.data() + sizeof kind, interface.hwaddr, interface.hwaddr_len);
}

Result<> fill(InterfaceRequest& request, std::uint64_t what, const netif& interface) {
    std::uint32_t own = netif_ip4_addr(&interface)->addr, mask = netif_ip4_netmask(&interface)->addr;
    request.bytes = {};
    switch (what) {
        case get_flags:
            request.flags = static_cast<std::int16_t>(flags_of(interface));
            return {};
        case get_address:
        case get_destination:
        case get_broadcast:
        case get_mask:
            if (own == 0) return Errno::eaddrnotavail;
            put_address(request, what == get_mask ? mask : what == get_broadcast ? own | ~mask : own);
            return {};
        case get_mtu:
            request.integer = static_cast<std::int32_t>(mtu_of(interface));
            return {};
        case get_hardware:
            put_hardware(request, interface);
            return {};
        case get_index:
            request.integer = netif_get_index(&interface);
            return {};
        case get_queue_length:
            request.integer = 1000;
            return {};
        default:  // get_metric
            return {};
    }
}

Result<long> list_interfaces(std::uint64_t argument) {
    auto list = HUSK_TRY(UserPtr<InterfaceList>(argument).load());
    std::array<InterfaceRequest, 32> requests{};
    std::size_t count = 0;
    {
        StackGuard guard;
        netif* interface;
        NETIF_FOREACH(interface) {
            if (netif_ip4_addr(interface)->addr == 0 || count == requests.size()) continue;
            requests[count].name = name_of(*interface);
            put_address(requests[count++], netif_ip4_addr(interface)->addr);
        }
    }
    if (list.requests != 0) {
        auto room = static_cast<std::size_t>(list.size_bytes < 0 ? 0 : list.size_bytes) / sizeof(InterfaceRequest);
        count = std::min(count, room);
        if (count != 0) HUSK_TRY(copy_out(list.requests, requests.data(), count * sizeof(InterfaceRequest)));
    }
    list.size_bytes = static_cast<std::int32_t>(count * sizeof(InterfaceRequest));
    HUSK_TRY(UserPtr<InterfaceList>(argument).store(list));
    return 0;
}

bool is_known(std::uint64_t request) {
    constexpr std::uint64_t all[] = {get_name,   get_flags, get_address,  get_destination, get_broadcast,   get_mask,
                                     get_metric, get_mtu,   get_hardware, get_index,       get_queue_length};
    for (std::uint64_t known : all) {
        if (known == request) return true;
    }
    return false;
}

}  // namespace

Result<long> interface_ioctl(std::uint64_t request, std::uint64_t argument) {
    if (request != get_list && !is_known(request)) return Errno::enotty;
    start_stack();
    if (request == get_list) return list_interfaces(argument);
    UserPtr<InterfaceRequest> pointer(argument);
    auto wanted = HUSK_TRY(pointer.load());
    {
        StackGuard guard;
        wanted.name.text[InterfaceName::max_bytes - 1] = '\0';
        const netif* interface = request == get_name ? netif_get_by_index(static_cast<u8_t>(wanted.integer))
                                                     : interface_named(wanted.name.view());
        if (interface == nullptr) return Errno::enodev;
        if (request == get_name) {
            wanted.name = name_of(*interface);
        } else {
            HUSK_TRY(fill(wanted, request, *interface));
        }
    }
    HUSK_TRY(pointer.store(wanted));
    return 0;
}

}  // namespace husk::net
