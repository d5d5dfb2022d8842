// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/net/unix_names.hpp"

#include "guest-runtime/base/format.hpp"
#include "guest-runtime/fs/name_operations.hpp"
#include "guest-runtime/fs/path.hpp"
#include "guest-runtime/fs/process_view.hpp"

namespace husk::net {

namespace {

constexpr std::uint32_t family_bytes = 2;
constexpr std::uint32_t longest_address_bytes = 110;  // struct sockaddr_un

// Bound endpoints. Each is in here for as long as its socket is open; looked through from end to end, since programs
// have few.
constinit thread::Mutex mutex;
constinit List<UnixEndpoint, UnixNameTag> bound;
constinit std::uint32_t next_automatic_name = 0;

using NameNode = ListNode<UnixNameTag>;

bool is_abstract(const Address& address) {
    return address.size_bytes > family_bytes && address.bytes[family_bytes] == std::byte{0};
}

Result<> check_address(const Address& address) {
    if (address.size_bytes < family_bytes || address.size_bytes > longest_address_bytes) return Errno::einval;
    return address.family() == Family::local ? Result<>() : Errno::einval;
}

// The path with its NUL taken off, if it has one.
std::string_view path_in(const Address& address) {
    // SAFETY: chars may alias anything; the bytes live in `address`.
    std::string_view path(reinterpret_cast<const char*>(address.bytes.data()) + family_bytes,
                          address.size_bytes - family_bytes);
    return path.substr(0, path.find('\0'));
}

UnixEndpoint* find_abstract(const Address& address) {
    for (UnixEndpoint& endpoint : bound) {
        if (!endpoint.place && std::ranges::equal(endpoint.name.view(), address.view())) return &endpoint;
    }
    return nullptr;
}

// Five hexadecimal digits in the abstract space, as Linux chooses them.
Result<Address> automatic_name() {
    constexpr std::uint32_t names = 1 << 20;
    for (std::uint32_t tries = 0; tries < names; ++tries) {
        char digits[5];
        TextWriter text(digits);
        text.hex(next_automatic_name++ % names, sizeof digits);
        Address address;
        auto family = static_cast<std::uint16_t>(Family::local);
        std::memcpy(address.bytes.data(), &family, sizeof family);
        std::memcpy(address.bytes.data() + family_bytes + 1, digits, sizeof digits);
        address.size_bytes = family_bytes + 1 + sizeof digits;
        if (find_abstract(address) == nullptr) return address;
    }
    return Errno::enospc;
}

Result<RefPtr<fs::Inode>> create_place(const Address& address) {
    fs::Resolution at = HUSK_TRY(fs::resolve(fs::working_directory(), path_in(address), fs::LastLink::name));
    auto created =
        fs::create_name(at, {.type = fs::FileType::socket, .permissions = 0777 & ~fs::umask(), .target = {}});
    if (!created.ok() && created.error() == Errno::eexist) return Errno::eaddrinuse;
    return created;
}

// As getsockname(2) gives it back: a path ends in one NUL.
Address canonical(const Address& address) {
    Address result = address;
    if (is_abstract(address)) return result;
    std::size_t length = path_in(address).size();
    result.size_bytes = static_cast<std::uint32_t>(family_bytes + length + 1);
    if (result.size_bytes <= Address::max_bytes) result.bytes[family_bytes + length] = std::byte{0};
    return result;
}

}  // namespace

Result<> bind_unix_name(UnixEndpoint& endpoint, const Address& address) {
    HUSK_TRY(check_address(address));
    Guard guard(mutex);
    if (static_cast<NameNode&>(endpoint).is_linked()) return Errno::einval;
    if (address.size_bytes == family_bytes) {
        endpoint.name = HUSK_TRY(automatic_name());
    } else if (is_abstract(address)) {
        if (find_abstract(address) != nullptr) return Errno::eaddrinuse;
        endpoint.name = address;
    } else {
        endpoint.place = HUSK_TRY(create_place(address));
        endpoint.name = canonical(address);
    }
    bound.push_back(endpoint);
    return {};
}

Result<RefPtr<UnixEndpoint>> find_unix_name(const Address& address, SocketType type) {
    HUSK_TRY(check_address(address));
    RefPtr<fs::Inode> place;
    if (address.size_bytes == family_bytes) return Errno::einval;
    if (!is_abstract(address)) {
        place = HUSK_TRY(fs::find_inode(fs::working_directory(), path_in(address), fs::LastLink::follow));
        if (place->type() != fs::FileType::socket) return Errno::econnrefused;
    }
    Guard guard(mutex);
    UnixEndpoint* found = nullptr;
    if (!place) {
        found = find_abstract(address);
    } else {
        for (UnixEndpoint& endpoint : bound) {
            if (endpoint.place && fs::is_same_inode(*endpoint.place, *place)) found = &endpoint;
        }
    }
    if (found == nullptr) return Errno::econnrefused;
    if (found->type() != type) return Errno::eprototype;
    return RefPtr<UnixEndpoint>(found);
}

void release_unix_name(UnixEndpoint& endpoint) {
    RefPtr<fs::Inode> place;
    Guard guard(mutex);
    static_cast<NameNode&>(endpoint).unlink();
    place = std::move(endpoint.place);
}

Address unix_name_of(UnixEndpoint& endpoint) {
    Guard guard(mutex);
    return endpoint.name.is_empty() ? Address::from(static_cast<std::uint16_t>(Family::local)) : endpoint.name;
}

}  // namespace husk::net
