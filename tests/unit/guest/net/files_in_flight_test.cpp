// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/net/files_in_flight.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "guest-runtime/fs/anonymous_inode.hpp"
#include "tests/unit/guest/net/socket_calls.hpp"

using namespace husk;
using namespace husk::test;

namespace {

// Something in a message, whose end shows.
int alive = 0;
class Canary final : public fs::File {
public:
    Canary() : File(fs::FileKind::pipe, make_ref<fs::AnonymousInode>(fs::FileType::fifo, "canary").value(), 0) {
        ++alive;
    }
    ~Canary() override { --alive; }
};

// Holds a description as a descriptor does.
class Descriptor {
public:
    explicit Descriptor(RefPtr<net::Socket> socket) : socket_(std::move(socket)) { socket_->add_handle(); }
    Descriptor(Descriptor&& other) noexcept : socket_(std::move(other.socket_)) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() {
        if (socket_) socket_->drop_handle();
    }
    net::Socket& operator*() const { return *socket_; }
    RefPtr<fs::File> file() const { return RefPtr<fs::File>(socket_.get()); }

private:
    RefPtr<net::Socket> socket_;
};

struct Ends {
    Ends() : Ends(net::create_socket_pair(AF_UNIX, SOCK_STREAM, 0, fs::open_flag::non_block).value()) {}
    explicit Ends(net::SocketPair pair) : a(std::move(pair.first)), b(std::move(pair.second)) {}
    Descriptor a, b;
};

void pass(const Descriptor& by, const RefPtr<fs::File>& file, bool with_canary = false) {
    std::byte byte{1};
    fs::IoBuffer data = fs::IoBuffer::of_runtime({&byte, 1});
    net::OutgoingMessage message{.data = data, .to = {}, .control = {}};
    REQUIRE(message.control.files.reserve(2).ok());
    message.control.files.add(file);
    if (with_canary) message.control.files.add(RefPtr<fs::File>::adopt(new Canary));
    REQUIRE((*by).send(message).ok());
}

net::PassedFiles receive_files(const Descriptor& from, std::uint32_t flags = 0) {
    std::byte byte{};
    fs::IoBuffer data = fs::IoBuffer::of_runtime({&byte, 1});
    net::IncomingMessage message{.data = data, .flags = flags, .from = {}, .control = {}};
    REQUIRE((*from).receive(message).ok());
    return std::move(message.control.files);
}

}  // namespace

TEST_CASE("a socket in its own inbox ends") {
    {
        Ends ends;
        pass(ends.b, ends.a.file(), true);
        CHECK(alive == 1);
    }
    open_socket(SOCK_DGRAM, AF_UNIX) = {};  // the end of any such socket is the time to look
    CHECK(alive == 0);
}

TEST_CASE("sockets in each other's inboxes end, in a circle of any length") {
    for (std::size_t length : {1u, 2u, 3u, 50u, 1000u}) {
        {
            std::vector<Ends> all(length);
            for (std::size_t i = 0; i < length; ++i) {
                pass(all[i].a, all[(i + 1) % length].b.file(), true);
                pass(all[i].b, all[(i + 1) % length].a.file(), true);
            }
        }
        net::collect_unreachable();  // the last of them did not end by itself
        CHECK(alive == 0);
    }
}

TEST_CASE("so many circles do not stay that nobody needs to ask") {
    for (int i = 0; i < 2000; ++i) {
        Ends ends;
        pass(ends.a, ends.b.file(), true);
        pass(ends.b, ends.a.file());
    }
    CHECK(alive < 600);
    net::collect_unreachable();
    CHECK(alive == 0);
}

TEST_CASE("what a descriptor leads to stays, however far") {
    Ends kept;
    {
        std::vector<Ends> chain(20);
        pass(kept.a, chain[0].b.file(), true);
        for (std::size_t i = 0; i + 1 < chain.size(); ++i) pass(chain[i].a, chain[i + 1].b.file(), true);
        pass(chain.back().a, kept.b.file(), true);
        pass(chain.back().a, chain[3].a.file(), true);
    }
    net::collect_unreachable();
    CHECK(alive == 22);
    CHECK(receive_files(kept.b, net::message_flag::peek).count() == 2);
    {
        net::PassedFiles first = receive_files(kept.b);
        net::collect_unreachable();
        CHECK(alive == 22);
        RefPtr<fs::File> socket = first[0];
        Descriptor next(RefPtr<net::Socket>(static_cast<net::Socket*>(socket.get())));
        CHECK(receive_files(next).count() == 2);
    }
    net::collect_unreachable();
    CHECK(alive == 0);
}

TEST_CASE("what waits to be accepted belongs to the socket that listens") {
    for (bool accepts : {false, true}) {
        {
            Descriptor listener(open_socket(SOCK_STREAM, AF_UNIX));
            net::Address any;
            const std::uint16_t family = AF_UNIX;
            std::memcpy(any.bytes.data(), &family, sizeof family);
            any.size_bytes = sizeof family;  // a name of its own choice
            REQUIRE((*listener).bind(any).ok());
            REQUIRE((*listener).listen(5).ok());
            Descriptor client(open_socket(SOCK_STREAM, AF_UNIX));
            REQUIRE((*client).connect((*listener).name().value()).ok());
            pass(client, listener.file(), true);
            pass(client, client.file(), true);
            net::collect_unreachable();
            CHECK(alive == 2);
            if (accepts) {
                Descriptor server((*listener).accept(0).value());
                pass(client, server.file(), true);
                net::collect_unreachable();
                CHECK(alive == 3);
                CHECK(receive_files(server).count() == 2);
            }
        }
        net::collect_unreachable();
        CHECK(alive == 0);
    }
}
