// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/net/multicast.hpp"

#include <memory>

#include <lwip/igmp.h>
#include <lwip/mld6.h>
#include <lwip/netif.h>

#include "guest-runtime/base/intrusive_list.hpp"
#include "guest-runtime/net/inet_address.hpp"
#include "guest-runtime/net/option_value.hpp"

namespace husk::net {

namespace {

struct Membership final : ListNode<> {
    Socket* member;
    ip_addr_t group;
    netif* interface;
};

// Looked through from end to end: few programs join more than a handful.
constinit List<Membership> memberships;

struct Request4 {  // struct ip_mreqn; ip_mreq ends before `interface`
    std::uint32_t group;
    std::uint32_t address;
    std::int32_t interface;
};
struct Request6 {  // struct ipv6_mreq
    std::uint32_t group[4];
    std::uint32_t interface;
};
struct GroupRequest {  // struct group_req
    std::uint32_t interface;
    std::uint32_t padding;
    std::array<std::byte, 128> group;
};

netif* interface_with(std::uint32_t address) {
    netif* interface;
    NETIF_FOREACH(interface) {
        if (netif_ip4_addr(interface)->addr == address) return interface;
    }
    return nullptr;
}

netif* interface_of(std::uint32_t index, std::uint32_t address) {
    if (index != 0) return netif_get_by_index(static_cast<u8_t>(index));
    if (address != 0) return interface_with(address);
    return netif_default != nullptr ? netif_default : netif_get_by_index(1);
}

struct Wish {
    ip_addr_t group{};
    netif* interface = nullptr;
    bool joins = false;
};

Result<Wish> wish_of(int level, int option, std::span<const std::byte> value) {
    Wish wish;
    if (option == ipv6_option::join_group || option == ipv6_option::leave_group) {
        auto request = HUSK_TRY(option_as<GroupRequest>(value));
        Address address;
        address.size_bytes = sizeof request.group;
        address.bytes = request.group;
        wish.group = HUSK_TRY(inet_endpoint(address, address.family(), true)).address;
        wish.interface = interface_of(request.interface, 0);
        wish.joins = option == ipv6_option::join_group;
    } else if (level == level_ip) {
        Request4 request{};
        constexpr std::size_t least_bytes = 8;
        if (value.size() < least_bytes) return Errno::einval;
        std::memcpy(&request, value.data(), std::min(value.size(), sizeof request));
        ip_addr_set_ip4_u32(&wish.group, request.group);
        wish.interface = interface_of(static_cast<std::uint32_t>(request.interface), request.address);
        wish.joins = option == ip_option::add_membership;
    } else {
        auto request = HUSK_TRY(option_as<Request6>(value));
        IP_ADDR6(&wish.group, request.group[0], request.group[1], request.group[2], request.group[3]);
        wish.interface = interface_of(request.interface, 0);
        wish.joins = option == ipv6_option::add_membership;
    }
    if (!ip_addr_ismulticast(&wish.group)) return Errno::einval;
    if (wish.interface == nullptr) return Errno::enodev;
    return wish;
}

err_t tell_lwip(netif& interface, ip_addr_t& group, bool joins) {
    if (IP_IS_V6_VAL(group)) {
        ip6_addr_t* group6 = ip_2_ip6(&group);
        ip6_addr_assign_zone(group6, IP6_MULTICAST, &interface);
        return joins ? mld6_joingroup_netif(&interface, group6) : mld6_leavegroup_netif(&interface, group6);
    }
    // An interface that does not speak IGMP, such as loopback, needs no telling.
    if ((interface.flags & NETIF_FLAG_IGMP) == 0) return ERR_OK;
    return joins ? igmp_joingroup_netif(&interface, ip_2_ip4(&group))
                 : igmp_leavegroup_netif(&interface, ip_2_ip4(&group));
}

void end(Membership& membership) {
    membership.unlink();
    tell_lwip(*membership.interface, membership.group, false);
    delete &membership;
}

Result<> set_interface(int level, std::span<const std::byte> value, IpOptions& options) {
    constexpr std::size_t with_index_bytes = 12, with_address_bytes = 8;
    netif* interface = nullptr;
    if (level == level_ipv6) {
        auto index = HUSK_TRY(option_as<std::uint32_t>(value));
        if (index == 0) {
            options.multicast_interface = 0;
            return {};
        }
        interface = interface_of(index, 0);
    } else {
        std::uint32_t words[3] = {};
        if (value.size() < sizeof words[0]) return Errno::einval;
        std::memcpy(words, value.data(), std::min(value.size(), sizeof words));
        bool has_index = value.size() >= with_index_bytes;
        std::uint32_t address = value.size() >= with_address_bytes ? words[1] : words[0];
        if (address == 0 && (!has_index || words[2] == 0)) {
            options.multicast_interface = 0;
            return {};
        }
        interface = interface_of(has_index ? words[2] : 0, address);
    }
    if (interface == nullptr) return level == level_ip ? Errno::eaddrnotavail : Errno::enodev;
    options.multicast_interface = netif_get_index(interface);
    return {};
}

}  // namespace

bool is_group_option(int level, int option) {
    if (option == ipv6_option::join_group || option == ipv6_option::leave_group) return true;
    if (level == level_ip) {
        return option == ip_option::add_membership || option == ip_option::drop_membership ||
               option == ip_option::multicast_interface;
    }
    return option == ipv6_option::add_membership || option == ipv6_option::drop_membership ||
           option == ipv6_option::multicast_interface;
}

Result<> change_group(Socket& member, int level, int option, std::span<const std::byte> value, IpOptions& options) {
    int interface_option = level == level_ip ? ip_option::multicast_interface : ipv6_option::multicast_interface;
    if (option == interface_option) return set_interface(level, value, options);
    Wish wish = HUSK_TRY(wish_of(level, option, value));
    Membership* known = nullptr;
    for (Membership& membership : memberships) {
        if (membership.member == &member && membership.interface == wish.interface &&
            ip_addr_cmp_zoneless(&membership.group, &wish.group)) {
            known = &membership;
        }
    }
    if (!wish.joins) {
        if (known == nullptr) return Errno::eaddrnotavail;
        end(*known);
        return {};
    }
    if (known != nullptr) return Errno::eaddrinuse;
    std::unique_ptr<Membership> made(new (std::nothrow) Membership);
    if (!made) return Errno::enomem;
    made->member = &member;
    made->interface = wish.interface;
    made->group = wish.group;
    if (tell_lwip(*wish.interface, made->group, true) != ERR_OK) return Errno::enobufs;
    memberships.push_back(*made.release());
    return {};
}

void leave_all_groups(Socket& member) {
    for (Membership& membership : memberships) {
        if (membership.member == &member) end(membership);
    }
}

}  // namespace husk::net
