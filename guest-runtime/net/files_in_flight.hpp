// SPDX-License-Identifier: Apache-2.0
// Open descriptions in the inboxes of UNIX-domain sockets, and the end of those that nobody can reach any more.
//
// A socket in a message keeps what lies in its own inbox. Sockets that only messages refer to may so keep each other in
// a circle, with all that is in their inboxes; collect_unreachable() finds and empties those.
#pragma once

#include "guest-runtime/base/intrusive_list.hpp"
#include "guest-runtime/net/passed_files.hpp"

namespace husk::net {

struct InFlightTag;
class SocketVertex;
class UnixEndpoint;

// The descriptions of one message.
class Parcel : public ListNode<> {
public:
    PassedFiles files;

    // Whether it has any. Of one in an inbox, with that one's lock held.
    [[nodiscard]] bool is_empty() const { return files.count() == 0; }

    // The message goes into an inbox. From here on `files` is only touched by these.
    void enter(UnixEndpoint& inbox);
    // And out of it; the caller has what was in it.
    PassedFiles leave();
    // A second set, for MSG_PEEK; the first stays.
    Result<PassedFiles> duplicate() const;

private:
    friend class SocketVertex;
    friend void collect_unreachable();
    void count_out();

    UnixEndpoint* inbox_ = nullptr;  // while it is in one
};

// What is known here of a socket. An endpoint that waits to be accepted belongs to the socket that listens.
class SocketVertex : public ListNode<InFlightTag> {
public:
    explicit SocketVertex(fs::File& file) : file_(file) {}
    SocketVertex(const SocketVertex&) = delete;
    SocketVertex& operator=(const SocketVertex&) = delete;

    // The endpoint is this socket's from now on, with what lies in its inbox.
    void own(UnixEndpoint& endpoint);
    // The socket is about to end; its endpoint belongs to nobody.
    void disown(UnixEndpoint& endpoint);

private:
    friend class Parcel;
    friend void collect_unreachable();

    fs::File& file_;
    List<Parcel> parcels_;          // in its inboxes
    std::uint32_t in_flight_ = 0;   // messages that have it, each with a reference
    std::uint32_t from_these_ = 0;  // those in inboxes of sockets that are in flight themselves
    bool is_reachable_ = false;
    SocketVertex* next_reached_ = nullptr;
};

// Empties the inboxes of sockets in flight that no descriptor leads to. No lock held: descriptions may end.
void collect_unreachable();
// The same when so many sockets are in flight that it pays. After each enter(), once no lock is held.
void collect_when_many();

}  // namespace husk::net
