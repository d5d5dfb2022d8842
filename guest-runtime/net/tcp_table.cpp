// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/net/tcp_table.hpp"

#include <array>
#include <span>
#include <utility>

#include <lwip/priv/tcp_priv.h>

#include "guest-runtime/base/heap.hpp"
#include "guest-runtime/base/random.hpp"

namespace husk::net {

namespace {

constexpr std::uint32_t nowhere = UINT32_MAX;
constexpr std::uint32_t first_size = 64, largest_size = 1 << 16, growth = 8;

struct Bucket {
    tcp_pcb* first;
    bool is_busy;
};

// All guarded by the stack's lock.
constinit std::array<Bucket, first_size> first_buckets{};
constinit Bucket* buckets = first_buckets.data();
constinit std::uint32_t size = first_size;  // a power of two
constinit std::uint32_t current = nowhere;  // whose list lwIP has
constinit std::uint32_t connections = 0;
constinit std::uint32_t busy_buckets = 0;
constinit std::uint32_t next_eviction = 0;
constinit std::array<std::uint64_t, 2> key{};

std::uint64_t mixed(std::uint64_t a, std::uint64_t b) {
    auto product = static_cast<unsigned __int128>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

std::uint64_t folded(const ip_addr_t& address) {
    if (!IP_IS_V6_VAL(address)) return ip_2_ip4(&address)->addr;
    const auto& words = ip_2_ip6(&address)->addr;
    auto pair = [&words](int at) { return std::uint64_t{words[at]} << 32 | words[at + 1]; };
    return mixed(pair(0) ^ key[0], pair(2) ^ key[1]);
}

void enter(std::uint32_t bucket) {
    if (current != nowhere) buckets[current].first = tcp_active_pcbs;
    tcp_active_pcbs = bucket == nowhere ? nullptr : buckets[bucket].first;
    current = bucket;
}

void mark(std::uint32_t bucket, bool is_busy) {
    if (buckets[bucket].is_busy == is_busy) return;
    buckets[bucket].is_busy = is_busy;
    is_busy ? ++busy_buckets : --busy_buckets;
}

// Without memory it stays as it is, slower.
void grow() {
    std::uint32_t new_size = size * growth;
    auto* bigger = static_cast<Bucket*>(heap::allocate(new_size * sizeof(Bucket)));
    if (bigger == nullptr) return;
    for (std::uint32_t i = 0; i < new_size; ++i) bigger[i] = {};
    busy_buckets = 0;
    Bucket* old = std::exchange(buckets, bigger);
    std::uint32_t old_size = std::exchange(size, new_size);
    for (std::uint32_t i = 0; i < old_size; ++i) {
        while (tcp_pcb* pcb = old[i].first) {
            old[i].first = pcb->next;
            std::uint32_t to = connection_hash(*pcb) & (size - 1);
            pcb->next = std::exchange(buckets[to].first, pcb);
            if (old[i].is_busy) mark(to, true);
        }
    }
    if (old != first_buckets.data()) heap::release(old, old_size * sizeof(Bucket));
}

}  // namespace

std::uint32_t connection_hash(const ip_addr_t& local, std::uint16_t local_port, const ip_addr_t& remote,
                              std::uint16_t remote_port) {
    if (key[0] == 0) fill_random(std::as_writable_bytes(std::span(key)));
    std::uint64_t ports = std::uint64_t{local_port} << 16 | remote_port;
    std::uint64_t ends = folded(local) << 32 ^ folded(remote);
    return static_cast<std::uint32_t>(mixed(ends ^ key[0], ports ^ key[1]));
}

std::uint32_t connection_hash(const tcp_pcb& pcb) {
    return connection_hash(pcb.local_ip, pcb.local_port, pcb.remote_ip, pcb.remote_port);
}

BucketScope::BucketScope(std::uint32_t hash) : outer_(current) {
    std::uint32_t bucket = hash & (size - 1);
    mark(bucket, true);
    if (bucket != current) enter(bucket);
}

BucketScope::~BucketScope() {
    if (current != outer_) enter(outer_);
}

void note_connection_begun() { ++connections; }
void note_connection_ended() { --connections; }
std::uint32_t connection_count() { return connections; }
bool is_any_connection_busy() { return busy_buckets != 0; }

namespace table {
std::uint32_t bucket_count() { return size; }
tcp_pcb* first_of(std::uint32_t bucket) { return bucket == current ? tcp_active_pcbs : buckets[bucket].first; }
tcp_pcb* next_of(tcp_pcb& pcb) { return pcb.next; }
}  // namespace table

void forget_listener(const tcp_pcb_listen& listener) {
    for_each_connection([&listener](tcp_pcb& pcb) {
        if (pcb.listener == &listener) pcb.listener = nullptr;
    });
}

void visit_buckets(void (*visit)(const void* argument), const void* argument) {
    for (std::uint32_t i = 0; i < size; ++i) {
        if (table::first_of(i) == nullptr) continue;
        BucketScope scope(i);
        visit(argument);
    }
}

void tick_buckets(const BucketTicks& ticks, bool all) {
    // Here nobody works on a list.
    if (connections > 2 * size && size < largest_size) grow();
    // lwIP numbers its ticks with 8 bits and passes over what it has seen under the same number.
    std::uint8_t calls = 0;
    for (std::uint32_t i = 0; i < size; ++i) {
        if (!all && !buckets[i].is_busy) continue;
        if (buckets[i].first == nullptr) {
            mark(i, false);
            continue;
        }
        enter(i);
        if (ticks.prepare != nullptr) ticks.prepare();
        ticks.tick();
        ++calls;
        if (ticks.is_busy != nullptr) {
            bool busy = false;
            for (const tcp_pcb* pcb = tcp_active_pcbs; pcb != nullptr && !busy; pcb = pcb->next) {
                busy = ticks.is_busy(*pcb);
            }
            mark(i, busy);
        }
        enter(nowhere);
    }
    if (calls == 0) ticks.tick();
}

bool evict_half_open(const tcp_pcb* spared) {
    for (std::uint32_t tried = 0; tried < size; ++tried) {
        std::uint32_t bucket = next_eviction++ & (size - 1);
        for (tcp_pcb* pcb = table::first_of(bucket); pcb != nullptr; pcb = pcb->next) {
            if (pcb == spared || pcb->state != SYN_RCVD) continue;
            BucketScope scope(bucket);
            tcp_abandon(pcb, 0);
            return true;
        }
    }
    return false;
}

}  // namespace husk::net
