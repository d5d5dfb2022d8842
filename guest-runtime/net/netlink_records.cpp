// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/net/netlink_records.hpp"

#include <bit>
#include <string_view>

#include <lwip/netif.h>

#include "guest-runtime/net/address.hpp"
#include "guest-runtime/net/interfaces.hpp"
#include "guest-runtime/net/stack.hpp"

namespace husk::net {

namespace {

constexpr std::uint16_t is_part_of_many = 2;  // NLM_F_MULTI

struct LinkInfo {
    std::uint8_t family, padding;
    std::uint16_t hardware;
    std::int32_t index;
    std::uint32_t flags, change;
};
struct AddressInfo {
    std::uint8_t family, prefix_bits, flags, scope;
    std::uint32_t index;
};
struct AttributeHeader {
    std::uint16_t size_bytes;  // with the header, without padding
    std::uint16_t type;
};

namespace link_attribute {
constexpr std::uint16_t address = 1, broadcast = 2, name = 3, mtu = 4;
}
namespace address_attribute {
constexpr std::uint16_t address = 1, local = 2, label = 3, broadcast = 4;
}

template <class T>
std::string_view bytes_of(const T& value) {
    // SAFETY: chars may alias anything; used while `value` lives.
    return {reinterpret_cast<const char*>(&value), sizeof value};
}

// One record: its parts are collected, since its header tells how long they are.
class Record {
public:
    template <class Info>
    explicit Record(const Info& info) {
        body_.text(bytes_of(info));
    }
    void add(std::uint16_t type, std::string_view data) {
        AttributeHeader header{static_cast<std::uint16_t>(sizeof header + data.size()), type};
        body_.text(bytes_of(header)).text(data);
        constexpr std::string_view zeros("\0\0\0", 3);
        body_.text(zeros.substr(0, (4 - data.size() % 4) % 4));
    }
    void write(fs::Text& to, std::uint16_t type, std::uint16_t flags, std::uint32_t sequence) const {
        NetlinkHeader header{static_cast<std::uint32_t>(sizeof header + body_.size()), type, flags, sequence,
                             netlink_port};
        to.text(bytes_of(header)).text(body_.view());
    }

private:
    fs::Text body_;
};

std::string_view with_nul(const InterfaceName& name) { return {name.text, name.view().size() + 1}; }

void write_address4(fs::Text& to, const netif& interface, std::uint32_t sequence) {
    std::uint32_t own = netif_ip4_addr(&interface)->addr, mask = netif_ip4_netmask(&interface)->addr;
    if (own == 0) return;
    InterfaceName name = name_of(interface);
    bool is_loopback = (flags_of(interface) & interface_flag::loopback) != 0;
    constexpr std::uint8_t scope_host = 254;
    Record record(AddressInfo{static_cast<std::uint8_t>(Family::inet), static_cast<std::uint8_t>(std::popcount(mask)),
                              0, is_loopback ? scope_host : std::uint8_t{0}, netif_get_index(&interface)});
    record.add(address_attribute::address, bytes_of(own));
    record.add(address_attribute::local, bytes_of(own));
    std::uint32_t broadcast = own | ~mask;
    if (!is_loopback) record.add(address_attribute::broadcast, bytes_of(broadcast));
    record.add(address_attribute::label, with_nul(name));
    record.write(to, netlink_type::new_address, is_part_of_many, sequence);
}

void write_addresses6(fs::Text& to, const netif& interface, std::uint32_t sequence) {
    constexpr std::uint8_t scope_host = 254, scope_link = 253, host_bits = 128, network_bits = 64;
    for (int i = 0; i < LWIP_IPV6_NUM_ADDRESSES; ++i) {
        if (!ip6_addr_isvalid(netif_ip6_addr_state(&interface, i))) continue;
        const ip6_addr_t* address = netif_ip6_addr(&interface, i);
        bool is_loopback = ip6_addr_isloopback(address);
        std::uint8_t scope = is_loopback ? scope_host : ip6_addr_islinklocal(address) ? scope_link : std::uint8_t{0};
        Record record(AddressInfo{static_cast<std::uint8_t>(Family::inet6), is_loopback ? host_bits : network_bits, 0,
                                  scope, netif_get_index(&interface)});
        record.add(address_attribute::address, bytes_of(address->addr));
        record.write(to, netlink_type::new_address, is_part_of_many, sequence);
    }
}

}  // namespace

void write_links(fs::Text& to, std::uint32_t sequence) {
    constexpr std::uint16_t ethernet = 1, loopback = 772;  // ARPHRD_*
    StackGuard guard;
    netif* interface;
    NETIF_FOREACH(interface) {
        InterfaceName name = name_of(*interface);
        std::uint32_t mtu = mtu_of(*interface);
        bool has_hardware = interface->hwaddr_len != 0;
        Record record(LinkInfo{0, 0, has_hardware ? ethernet : loopback,
                               static_cast<std::int32_t>(netif_get_index(interface)), flags_of(*interface), 0});
        record.add(link_attribute::name, with_nul(name));
        record.add(link_attribute::mtu, bytes_of(mtu));
        constexpr std::string_view none("\0\0\0\0\0\0", 6), all("\xff\xff\xff\xff\xff\xff", 6);
        // SAFETY: hwaddr has six bytes.
        std::string_view own(reinterpret_cast<const char*>(interface->hwaddr), none.size());
        record.add(link_attribute::address, has_hardware ? own : none);
        record.add(link_attribute::broadcast, has_hardware ? all : none);
        record.write(to, netlink_type::new_link, is_part_of_many, sequence);
    }
}

void write_addresses(fs::Text& to, std::uint32_t sequence, std::uint8_t family) {
    StackGuard guard;
    netif* interface;
    bool any = family == 0;
    NETIF_FOREACH(interface) {
        if (any || family == static_cast<std::uint8_t>(Family::inet)) write_address4(to, *interface, sequence);
        if (any || family == static_cast<std::uint8_t>(Family::inet6)) write_addresses6(to, *interface, sequence);
    }
}

void write_done(fs::Text& to, std::uint32_t sequence) {
    std::int32_t status = 0;
    Record(status).write(to, netlink_type::done, is_part_of_many, sequence);
}

void write_error(fs::Text& to, const NetlinkHeader& request, std::int32_t error) {
    struct Body {
        std::int32_t error;
        NetlinkHeader request;
    };
    Record(Body{error, request}).write(to, netlink_type::error, 0, request.sequence);
}

}  // namespace husk::net
