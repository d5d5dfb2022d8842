// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/syscall/control_messages.hpp"

#include "guest-runtime/base/user_memory.hpp"
#include "guest-runtime/fs/descriptor_table.hpp"
#include "guest-runtime/net/socket_options.hpp"

namespace husk::sys {

namespace {

// struct cmsghdr; the data follows, and the next record at the next multiple of 8.
struct ControlHeader {
    std::uint64_t size_bytes;  // with the header
    std::int32_t level;
    std::int32_t type;
};
static_assert(sizeof(ControlHeader) == 16);

constexpr std::uint64_t aligned(std::uint64_t size_bytes) { return (size_bytes + 7) & ~std::uint64_t{7}; }

constexpr int level_ip = 0, level_tcp = 6, level_udp = 17, level_ipv6 = 41;
constexpr int tcp_unread = 36, udp_segment = 103;                           // TCP_CM_INQ, UDP_SEGMENT
constexpr int rights = 1, credentials = 2;                                  // SCM_*
constexpr int ip_tos = 1, ip_ttl = 2, ip_packet_info = 8, ip_errors = 11;   // IP_*
constexpr int ipv6_errors = 25;                                             // IPV6_RECVERR
constexpr int ipv6_packet_info = 50, ipv6_hop_limit = 52, ipv6_class = 67;  // IPV6_*
constexpr std::uint64_t most_control_bytes = 20480;                         // net.core.optmem_max

struct PacketInfo4 {
    std::int32_t interface;
    std::array<std::byte, 4> local;
    std::array<std::byte, 4> destination;
};
struct PacketInfo6 {
    std::array<std::byte, 16> address;
    std::uint32_t interface;
};

struct TimeStamp {
    std::int64_t seconds;
    std::int64_t fraction;  // us or ns
};

Result<> load_files(net::PassedFiles& files, std::uint64_t from_user, std::uint64_t size_bytes) {
    std::uint64_t count = size_bytes / sizeof(std::int32_t);
    if (count > net::PassedFiles::most) return Errno::einval;
    if (count == 0) return {};
    HUSK_TRY(files.reserve(count));
    for (UserPtr<std::int32_t> fd(from_user); count != 0; --count, fd = fd.offset(1)) {
        files.add(HUSK_TRY(fs::descriptors().get(HUSK_TRY(fd.load()))));
    }
    return {};
}

Result<> load_record(net::Control& control, const ControlHeader& header, std::uint64_t data) {
    std::uint64_t size = header.size_bytes - sizeof header;
    auto is = [&](int level, int type, std::size_t least) {
        return header.level == level && header.type == type && size >= least;
    };
    if (is(net::level_socket, rights, 0)) return load_files(control.files, data, size);
    if (is(net::level_socket, credentials, sizeof(net::Credentials))) {
        control.credentials = HUSK_TRY(UserPtr<net::Credentials>(data).load());
    } else if (is(level_ip, ip_packet_info, sizeof(PacketInfo4))) {
        auto info = HUSK_TRY(UserPtr<PacketInfo4>(data).load());
        net::PacketInfo packet{false, static_cast<std::uint32_t>(info.interface), {}};
        std::ranges::copy(info.local, packet.address.begin());
        control.packet = packet;
    } else if (is(level_ipv6, ipv6_packet_info, sizeof(PacketInfo6))) {
        auto info = HUSK_TRY(UserPtr<PacketInfo6>(data).load());
        control.packet = net::PacketInfo{true, info.interface, info.address};
    } else if (is(level_ip, ip_ttl, 4) || is(level_ipv6, ipv6_hop_limit, 4)) {
        control.hop_limit = static_cast<std::uint8_t>(HUSK_TRY(UserPtr<std::int32_t>(data).load()));
    } else if (is(level_ip, ip_tos, 1)) {
        control.traffic_class = HUSK_TRY(UserPtr<std::uint8_t>(data).load());
    } else if (is(level_udp, udp_segment, 2) && size == 2) {
        control.segment_bytes = HUSK_TRY(UserPtr<std::uint16_t>(data).load());
    } else if (is(level_ipv6, ipv6_class, 4)) {
        control.traffic_class = static_cast<std::uint8_t>(HUSK_TRY(UserPtr<std::int32_t>(data).load()));
    } else {
        return Errno::einval;
    }
    return {};
}

// Appends records while they fit.
class ControlWriter {
public:
    ControlWriter(std::uint64_t user_address, std::uint64_t size_bytes) : at_(user_address), left_(size_bytes) {}

    [[nodiscard]] std::uint64_t used() const { return used_; }
    [[nodiscard]] bool is_truncated() const { return truncated_; }
    void mark_truncated() { truncated_ = true; }
    // Bytes of data that another record could hold.
    [[nodiscard]] std::uint64_t room() const {
        return left_ > sizeof(ControlHeader) ? left_ - sizeof(ControlHeader) : 0;
    }

    // As on Linux, a record that does not fit is cut, one without room for its header left out.
    Result<> add(int level, int type, const void* data, std::size_t data_bytes) {
        std::uint64_t size = sizeof(ControlHeader) + data_bytes;
        if (left_ < sizeof(ControlHeader)) {
            truncated_ = true;
            return {};
        }
        if (size > left_) {
            truncated_ = true;
            size = left_;
        }
        ControlHeader header{size, level, type};
        HUSK_TRY(copy_out(at_, &header, sizeof header));
        if (size > sizeof header) HUSK_TRY(copy_out(at_ + sizeof header, data, size - sizeof header));
        std::uint64_t step = std::min(aligned(size), left_);
        at_ += step;
        left_ -= step;
        used_ += step;
        return {};
    }
    template <class T>
    Result<> add(int level, int type, const T& value) {
        return add(level, type, &value, sizeof value);
    }

private:
    std::uint64_t at_;
    std::uint64_t left_;
    std::uint64_t used_ = 0;
    bool truncated_ = false;
};

Result<> store_files(ControlWriter& writer, const net::PassedFiles& files, bool close_on_exec) {
    std::size_t count = std::min<std::size_t>(files.count(), writer.room() / sizeof(std::int32_t));
    if (count < files.count()) writer.mark_truncated();
    if (count == 0) return {};
    auto fds = HUSK_TRY(fs::HeapArray<std::int32_t>::create(count));
    std::size_t opened = 0;
    while (opened < count) {
        auto fd = fs::descriptors().add(files[opened], close_on_exec);
        if (!fd.ok()) {
            writer.mark_truncated();
            break;
        }
        fds[opened++] = fd.value();
    }
    if (opened == 0) return {};
    auto added = writer.add(net::level_socket, rights, fds.data(), opened * sizeof(std::int32_t));
    if (!added.ok()) {
        for (std::int32_t fd : fds.span().first(opened)) (void)fs::descriptors().close(fd);
    }
    return added;
}

Result<> store_packet(ControlWriter& writer, const net::PacketInfo& packet) {
    if (packet.is_ipv6) return writer.add(level_ipv6, ipv6_packet_info, PacketInfo6{packet.address, packet.interface});
    PacketInfo4 info{static_cast<std::int32_t>(packet.interface), {}, {}};
    std::copy_n(packet.address.begin(), info.local.size(), info.local.begin());
    info.destination = info.local;
    return writer.add(level_ip, ip_packet_info, info);
}

// struct sock_extended_err, and a sockaddr behind it.
Result<> store_error(ControlWriter& writer, const net::QueuedError& error) {
    struct Record {
        std::uint32_t number;
        std::uint8_t origin, type, code, padding;
        std::uint32_t info, data;
        std::array<std::byte, 28> offender;
    } record{error.number, error.origin, error.type, error.code, 0, error.info, 0, {}};
    std::size_t address_bytes = std::min<std::size_t>(error.offender.size_bytes, record.offender.size());
    std::copy_n(error.offender.bytes.begin(), address_bytes, record.offender.begin());
    int level = error.is_ipv6_level ? level_ipv6 : level_ip;
    return writer.add(level, error.is_ipv6_level ? ipv6_errors : ip_errors, &record,
                      offsetof(Record, offender) + address_bytes);
}

}  // namespace

Result<> load_control(net::Control& control, std::uint64_t user_address, std::uint64_t size_bytes) {
    if (size_bytes > most_control_bytes) return Errno::enobufs;
    std::uint64_t at = 0;
    while (size_bytes - at >= sizeof(ControlHeader)) {
        auto header = HUSK_TRY(UserPtr<ControlHeader>(user_address + at).load());
        if (header.size_bytes < sizeof header || header.size_bytes > size_bytes - at) return Errno::einval;
        HUSK_TRY(load_record(control, header, user_address + at + sizeof header));
        if (aligned(header.size_bytes) >= size_bytes - at) break;
        at += aligned(header.size_bytes);
    }
    return {};
}

Result<std::uint64_t> store_control(net::IncomingMessage& message, std::uint64_t user_address, std::uint64_t size_bytes,
                                    bool close_on_exec) {
    const net::Control& control = message.control;
    ControlWriter writer(user_address, size_bytes);
    if (control.timestamp_ns) {
        std::int64_t seconds = *control.timestamp_ns / 1'000'000'000;
        std::int64_t ns = *control.timestamp_ns % 1'000'000'000;
        bool precise = control.timestamp_is_precise;
        int type = precise ? net::socket_option::timestamp_ns : net::socket_option::timestamp;
        HUSK_TRY(writer.add(net::level_socket, type, TimeStamp{seconds, precise ? ns : ns / 1000}));
    }
    if (control.credentials) HUSK_TRY(writer.add(net::level_socket, credentials, *control.credentials));
    if (control.files.count() != 0) HUSK_TRY(store_files(writer, control.files, close_on_exec));
    if (control.packet) HUSK_TRY(store_packet(writer, *control.packet));
    if (control.error) HUSK_TRY(store_error(writer, *control.error));
    bool is_ipv6 = message.from.family() == net::Family::inet6;
    if (control.hop_limit) {
        std::int32_t value = *control.hop_limit;
        HUSK_TRY(writer.add(is_ipv6 ? level_ipv6 : level_ip, is_ipv6 ? ipv6_hop_limit : ip_ttl, value));
    }
    if (control.traffic_class) {
        std::int32_t value = *control.traffic_class;
        HUSK_TRY(is_ipv6 ? writer.add(level_ipv6, ipv6_class, value)
                         : writer.add(level_ip, ip_tos, *control.traffic_class));
    }
    if (control.unread_bytes) HUSK_TRY(writer.add(level_tcp, tcp_unread, *control.unread_bytes));
    if (writer.is_truncated()) message.result_flags |= net::message_flag::control_truncated;
    return writer.used();
}

}  // namespace husk::sys
