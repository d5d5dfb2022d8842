// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "guest-runtime/fs/journal/journal.hpp"
#include "guest-runtime/memory/frames.hpp"

using namespace husk;
using journal::Journal;

namespace {

constexpr std::uint32_t block_bytes = 1024, log_blocks = 512, blocks = 4096;

// A disk in memory that a thread of its own serves.
class ThreadedDevice final : public block::BlockDevice {
public:
    ThreadedDevice() : contents(std::size_t{blocks} * block_bytes), worker_([this] { serve(); }) {}
    ~ThreadedDevice() {
        {
            std::lock_guard guard(mutex_);
            ends_ = true;
        }
        condition_.notify_one();
        worker_.join();
    }
    [[nodiscard]] std::string_view name() const override { return "threaded"; }
    [[nodiscard]] std::uint64_t size_bytes() const override { return contents.size(); }

    std::vector<std::byte> contents;
    std::atomic<bool> fails = false;
    std::atomic<int> batches = 0;
    // Requests of this block and those behind it wait, with all that come after them.
    std::atomic<std::uint64_t> held_from = blocks;
    std::atomic<bool> holds = false;  // one waits
    void let_go() {
        held_from = blocks;
        held_from.notify_one();
    }

protected:
    void start(List<block::BlockRequest>& requests) override {
        ++batches;
        std::lock_guard guard(mutex_);
        while (block::BlockRequest* request = requests.pop_front()) waiting_.push_back(*request);
        condition_.notify_one();
    }

private:
    void serve() {
        for (;;) {
            block::BlockRequest* request = nullptr;
            {
                std::unique_lock lock(mutex_);
                condition_.wait(lock, [this] { return ends_ || !waiting_.empty(); });
                request = waiting_.pop_front();
                if (request == nullptr) return;
            }
            std::uint64_t held = held_from;
            if (request->operation == block::Operation::write && request->offset >= held * block_bytes) {
                holds = true;
                held_from.wait(held);
                holds = false;
            }
            if (fails) request->error = Errno::eio;
            std::uint64_t at = request->offset;
            for (const block::Piece& piece : request->pieces) {
                auto* memory = memory::frame_pointer<std::byte>(piece.begin);
                if (fails) break;
                if (request->operation == block::Operation::read) {
                    std::memcpy(memory, contents.data() + at, piece.size_bytes);
                } else {
                    std::memcpy(contents.data() + at, memory, piece.size_bytes);
                }
                at += piece.size_bytes;
            }
            request->on_done();
        }
    }

    std::mutex mutex_;
    std::condition_variable condition_;
    List<block::BlockRequest> waiting_;
    bool ends_ = false;
    std::thread worker_;
};

struct Owner final : journal::JournalOwner {
    Result<> mark_for_recovery() override { return {}; }
    void on_abort(Errno) override { ++aborts; }
    std::atomic<int> aborts = 0;
};

// A device with an empty journal in its first blocks, and handles from many threads.
struct Volume {
    explicit Volume() {
        journal::format::Superblock super{};
        super.header = {journal::format::magic, journal::format::block_type::superblock, 0};
        super.block_bytes = block_bytes;
        super.block_count = log_blocks;
        super.first = 1;
        super.sequence = 1;
        std::memcpy(device.contents.data(), &super, sizeof super);
        cache = std::move(block::BufferCache::create(device, block_bytes, 64)).value();
        journal::JournalMap map;
        REQUIRE(map.append(0, log_blocks).ok());
        // Short, so that the journal's own thread commits too.
        journal = std::move(Journal::open(*cache, std::move(map), {true, true, 1'000'000}, owner)).value();
        REQUIRE(journal->start().ok());
    }

    ThreadedDevice device;
    Owner owner;
    RefPtr<block::BufferCache> cache;
    RefPtr<Journal> journal;
    std::atomic<bool> has_committed = false;
};

constexpr int thread_count = 4;
constexpr std::uint64_t blocks_per_thread = 100;

// Changes blocks of its own and counts in one of all, until an error or `rounds`.
void work(Volume& volume, unsigned index, int rounds, thread::Mutex& shared_lock, std::vector<int>& model) {
    std::mt19937 random(index);
    std::uint64_t shared = log_blocks, own = log_blocks + 1 + index * blocks_per_thread;
    for (int round = 0; round < rounds; ++round) {
        auto handle = volume.journal->begin(8);
        if (!handle.ok()) return;
        for (int i = 0; i < 6; ++i) {
            std::uint64_t offset = random() % blocks_per_thread;
            bool forgets = random() % 6 == 0;
            if (forgets && !handle.value().forget(own + offset).ok()) return;
            auto buffer = forgets ? volume.cache->fresh(own + offset) : volume.cache->get(own + offset);
            if (!buffer.ok() || !handle.value().modify(*buffer.value()).ok()) return;
            int value = static_cast<int>(random() % 256);
            std::memset(buffer.value()->bytes().data(), value, block_bytes);
            model[index * blocks_per_thread + offset] = value;
        }
        {
            Guard guard(shared_lock);
            auto buffer = volume.cache->get(shared);
            if (!buffer.ok() || !handle.value().modify(*buffer.value()).ok()) return;
            auto count = journal::load<std::uint64_t>(buffer.value()->bytes());
            journal::store(buffer.value()->bytes(), count + 1);
        }
        journal::TransactionId id = handle.value().transaction();
        handle.value().end();
        if (round % 3 != 0) continue;
        if (!volume.journal->commit(id).ok()) return;
        volume.has_committed = true;
    }
}

// One transaction of `count` blocks.
journal::TransactionId change(Volume& volume, std::uint64_t first, std::uint32_t count) {
    auto handle = volume.journal->begin(count);
    REQUIRE(handle.ok());
    for (std::uint64_t block = first; block < first + count; ++block) {
        auto buffer = volume.cache->fresh(block);
        REQUIRE(buffer.ok());
        REQUIRE(handle.value().modify(*buffer.value()).ok());
    }
    return handle.value().transaction();
}

void run_threads(Volume& volume, int rounds, std::vector<int>& model) {
    thread::Mutex shared_lock;
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < thread_count; ++i) {
        threads.emplace_back([&, i] { work(volume, i, rounds, shared_lock, model); });
    }
    for (std::thread& thread : threads) thread.join();
}

}  // namespace

TEST_CASE("threads that change and commit at the same time lose nothing") {
    constexpr int rounds = 300;
    Volume volume;
    std::vector<int> model(thread_count * blocks_per_thread, 0);
    run_threads(volume, rounds, model);
    REQUIRE(volume.journal->close().ok());
    CHECK(volume.owner.aborts == 0);
    const std::byte* home = volume.device.contents.data() + std::size_t{log_blocks} * block_bytes;
    CHECK(journal::load<std::uint64_t>({home, 8}) == thread_count * rounds);
    for (std::size_t i = 0; i < model.size(); ++i) {
        const std::byte* block = home + (i + 1) * block_bytes;
        CHECK(block[0] == static_cast<std::byte>(model[i]));
        CHECK(block[block_bytes - 1] == static_cast<std::byte>(model[i]));
    }
}

TEST_CASE("a journal that is closed while it writes blocks home leaves the device alone") {
    // The commit that fills half of the log calls the journal's own thread; it is the last one for some of these.
    for (int rounds = 25; rounds < 85; ++rounds) {
        Volume volume;
        thread::Mutex shared_lock;
        std::vector<int> model(blocks_per_thread, 0);
        work(volume, 0, rounds, shared_lock, model);
        REQUIRE(volume.journal->close().ok());
        int batches = volume.device.batches;
        while (volume.journal->is_shared()) std::this_thread::yield();
        CHECK(volume.device.batches == batches);
        CHECK(journal::load<journal::format::Superblock>(volume.device.contents).start == 0);
    }
}

TEST_CASE("a change made while the journal's own thread writes blocks home is committed in its time") {
    Volume volume;
    volume.device.held_from = log_blocks;
    // The last of these commits fills half of the log: that thread begins, and nobody else waits for its turn.
    constexpr std::uint32_t commits = 5, blocks_per_commit = 60;
    std::uint64_t next = log_blocks;
    for (std::uint32_t i = 0; i < commits; ++i) {
        journal::TransactionId id = change(volume, next, blocks_per_commit);
        next += blocks_per_commit;
        REQUIRE(volume.journal->commit(id).ok());
    }
    while (!volume.device.holds) std::this_thread::yield();
    journal::TransactionId id = change(volume, next, 1);
    volume.device.let_go();
    for (int i = 0; i < 1000 && !volume.journal->is_committed(id); ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    CHECK(volume.journal->is_committed(id));
    REQUIRE(volume.journal->close().ok());
}

TEST_CASE("threads that are still at work when the journal is closed leave the device alone") {
    for (int i = 0; i < 20; ++i) {
        Volume volume;
        std::vector<int> model(thread_count * blocks_per_thread, 0);
        std::thread threads([&] { run_threads(volume, 1'000'000, model); });
        while (!volume.has_committed) std::this_thread::yield();
        std::this_thread::sleep_for(std::chrono::milliseconds(i));
        CHECK(volume.journal->close().ok());
        int batches = volume.device.batches;
        threads.join();
        while (volume.journal->is_shared()) std::this_thread::yield();
        CHECK(volume.device.batches == batches);
        CHECK(volume.owner.aborts == 0);
        CHECK(journal::load<journal::format::Superblock>(volume.device.contents).start == 0);
    }
}

TEST_CASE("threads go on and end when the device fails under them") {
    Volume volume;
    std::vector<int> model(thread_count * blocks_per_thread, 0);
    std::thread spoiler([&] {
        // A journal that has never committed has nothing on the device, and no reason to fail.
        while (!volume.has_committed) std::this_thread::yield();
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        volume.device.fails = true;
    });
    run_threads(volume, 1'000'000, model);
    spoiler.join();
    // Every thread has met an error: of the journal, or of a read.
    if (!volume.journal->is_aborted()) (void)volume.journal->sync();
    CHECK(volume.journal->close().error() == Errno::eio);
    CHECK(volume.owner.aborts == 1);
}
