// SPDX-License-Identifier: Apache-2.0
// lwIP's list of active connections, cut into many short ones by the connections' addresses, so that it finds one among
// many thousands at once.
//
//   BucketScope scope(hash);   // lwIP's list is now the one that holds this connection, or will
//   tcp_abort(pcb);            // whatever adds, removes or looks for it
//
// Outside of a scope lwIP's list is empty. All with the stack's lock held.
#pragma once

#include <cstdint>

#include <lwip/ip_addr.h>

struct tcp_pcb;
struct tcp_pcb_listen;

namespace husk::net {

// Keyed: nobody outside can choose addresses that fall together.
std::uint32_t connection_hash(const ip_addr_t& local, std::uint16_t local_port, const ip_addr_t& remote,
                              std::uint16_t remote_port);
std::uint32_t connection_hash(const tcp_pcb& pcb);

class [[nodiscard]] BucketScope {
public:
    // The connection's ticks run from now on, until nothing is under way.
    explicit BucketScope(std::uint32_t hash);
    ~BucketScope();
    BucketScope(const BucketScope&) = delete;
    BucketScope& operator=(const BucketScope&) = delete;

private:
    std::uint32_t outer_;
};

// What has a connection's control block says so, that the table grows with them.
void note_connection_begun();
void note_connection_ended();
std::uint32_t connection_count();
// Some connection needs its ticks in time.
bool is_any_connection_busy();

// visit(tcp_pcb&) for each active connection; it may not end any.
template <class Visit>
void for_each_connection(Visit visit);
// Calls `visit` in the scope of each bucket that has connections; it may end them.
void visit_buckets(void (*visit)(const void* argument), const void* argument);
// No connection refers to that listener any longer.
void forget_listener(const tcp_pcb_listen& listener);
// Calls `tick` in the scope of each bucket: of busy ones, or of all. `is_busy` says afterwards which stay so.
struct BucketTicks {
    void (*prepare)();                    // may end connections
    void (*tick)();                       // lwIP's
    bool (*is_busy)(const tcp_pcb& pcb);  // nullptr: leave it as it is
};
void tick_buckets(const BucketTicks& ticks, bool all);
// Ends one half-open connection other than `spared`; false when there is none.
bool evict_half_open(const tcp_pcb* spared);

namespace table {
// For for_each_connection().
std::uint32_t bucket_count();
tcp_pcb* first_of(std::uint32_t bucket);
tcp_pcb* next_of(tcp_pcb& pcb);
}  // namespace table

template <class Visit>
void for_each_connection(Visit visit) {
    for (std::uint32_t bucket = 0; bucket < table::bucket_count(); ++bucket) {
        for (tcp_pcb* pcb = table::first_of(bucket); pcb != nullptr;) {
            tcp_pcb* next = table::next_of(*pcb);
            visit(*pcb);
            pcb = next;
        }
    }
}

}  // namespace husk::net
