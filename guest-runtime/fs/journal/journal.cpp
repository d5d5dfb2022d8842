// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/journal/journal.hpp"

#include <algorithm>
#include <new>

#include "guest-runtime/base/format.hpp"
#include "guest-runtime/base/panic.hpp"
#include "guest-runtime/fs/block/blocking.hpp"
#include "guest-runtime/fs/journal/device_recovery.hpp"
#include "guest-runtime/memory/frames.hpp"

namespace husk::journal {

namespace {

constexpr std::uint32_t stage_bytes = 256 << 10;
constexpr std::uint32_t min_log_blocks = 256;

}  // namespace

Journal::Journal(block::BufferCache& cache, JournalMap map, const JournalSettings& settings, JournalOwner& owner)
    : cache_(&cache),
      device_(cache.device()),
      map_(std::move(map)),
      settings_(settings),
      owner_(owner),
      writer_(cache.device(), cache.block_bytes()) {}

Result<RefPtr<Journal>> Journal::open(block::BufferCache& cache, JournalMap map, const JournalSettings& settings,
                                      JournalOwner& owner) {
    auto* made = new (std::nothrow) Journal(cache, std::move(map), settings, owner);
    if (made == nullptr) return Errno::enomem;
    auto journal = RefPtr<Journal>::adopt(made);
    HUSK_TRY(journal->read_superblock());
    return journal;
}

// The committing transaction goes before the running one: a buffer may be in both.
Journal::~Journal() {
    delete committing_;
    delete running_;
    while (Transaction* transaction = committed_.pop_front()) delete transaction;
}

Result<> Journal::read_superblock() {
    std::uint32_t block_bytes = cache_->block_bytes();
    superblock_ = HUSK_TRY(fs::HeapArray<std::byte>::create(block_bytes));
    if (map_.block_count() == 0) return Errno::einval;
    HUSK_TRY(block::read(device_, map_.find(0, 1).device_block * block_bytes, superblock_.span()));
    std::string_view why;
    auto found = parse_superblock(superblock_.span(), map_.block_count(), why);
    if (!found.ok()) {
        log(why);
        return found.error();
    }
    log_ = found.value();
    return {};
}

Result<> Journal::write_superblock(std::uint32_t start, TransactionId sequence) {
    set_log_start(superblock_.span(), start, sequence);
    return block::write(device_, map_.find(0, 1).device_block * cache_->block_bytes(), superblock_.span());
}

bool Journal::needs_recovery() const { return log_.start != 0; }

Result<> Journal::recover() {
    if (!needs_recovery()) return {};
    DeviceRecovery storage(*cache_, map_);
    HUSK_TRY(storage.initialise());
    auto recovered = recover_log(log_, storage);
    HUSK_TRY(storage.finish());
    cache_->drop_unused();
    if (!recovered.ok()) return recovered.error();
    HUSK_TRY(block::flush(device_));
    // The number of the transaction that was torn is not used again: blocks of it are in the log.
    log_.sequence = recovered.value().next + 1;
    HUSK_TRY(write_superblock(0, log_.sequence));
    HUSK_TRY(block::flush(device_));
    log_.start = 0;
    return {};
}

// A quarter of the log for one transaction: while it runs, another commits, and the older half is on its way home.
// Blocks on their way stay in memory, so a small VM does not use all of a large log.
void Journal::limit_sizes() {
    constexpr std::uint64_t part_of_memory = 16;
    std::uint64_t memory_blocks =
        memory::frame_counts().total / part_of_memory * abi::page_size / cache_->block_bytes();
    std::uint64_t most = std::max<std::uint64_t>(memory_blocks, min_log_blocks);
    capacity_ = static_cast<std::uint32_t>(std::min<std::uint64_t>(log_.block_count - log_.first, most));
    max_log_blocks_ = capacity_ / 4;
    free_ = capacity_;
}

Result<> Journal::start() {
    if (needs_recovery()) return Errno::einval;
    if (log_.block_count - log_.first < min_log_blocks) {
        log("the journal is too small");
        return Errno::einval;
    }
    layout_ = log_.layout;
    layout_.tags = settings_.has_checksums ? TagFormat::checksum_v3 : TagFormat::plain;
    layout_.is_wide = settings_.is_wide;
    limit_sizes();
    std::uint32_t stage_blocks = std::min(stage_bytes / layout_.block_bytes, max_log_blocks_);
    HUSK_TRY(writer_.initialise(stage_blocks));
    batch_ = HUSK_TRY(fs::HeapArray<block::Buffer*>::create(stage_blocks));
    tags_per_block_ = std::min(layout_.tags_per_block(), stage_blocks - 1);
    head_ = log_.first;
    next_id_ = log_.sequence + 1;
    last_committed_ = log_.sequence;
    is_open_ = true;
    return {};
}

// Threads may still be at work when the VM ends: those that have a handle are waited for, and no other one gets one.
Result<> Journal::close() {
    {
        Guard guard(lock_);
        if (!is_open_) return {};
        is_open_ = false;
    }
    call_keeper();
    bool is_synced = sync().ok();
    Guard turn(turn_);
    if (is_synced && is_log_marked_ && !mark_empty().ok()) (void)fail("the journal cannot be marked empty");
    return is_aborted() ? Result<>(Errno::eio) : Result<>();
}

Result<> Journal::mark_empty() {
    while (free_behind_tail() < capacity_) {
        if (HUSK_TRY(write_home()) == 0) return Errno::ebusy;
    }
    HUSK_TRY(flush());
    HUSK_TRY(write_superblock(0, next_id_));
    HUSK_TRY(flush());
    is_log_marked_ = false;
    return {};
}

void Journal::log(std::string_view what) const {
    char buffer[160];
    TextWriter line(buffer);
    log_line(line.text("disk ").text(device_.name()).text(": ").text(what).view());
}

void Journal::abort(Errno error, std::string_view what) {
    {
        Guard guard(lock_);
        if (is_aborted_) return;
        is_aborted_ = true;
    }
    log(what);
    owner_.on_abort(error);
    progress_.wake_all();
    call_keeper();
}

Errno Journal::fail(std::string_view what) {
    abort(Errno::eio, what);
    return Errno::eio;
}

bool Journal::is_aborted() const {
    Guard guard(lock_);
    return is_aborted_;
}

bool Journal::is_committed(TransactionId id) const {
    Guard guard(lock_);
    return !is_later(id, last_committed_);
}

Result<> Journal::flush() {
    std::uint64_t number = 0;
    {
        Guard guard(lock_);
        number = ++flushes_begun_;
    }
    HUSK_TRY(block::flush(device_));
    Guard guard(lock_);
    last_flush_done_ = number;
    return {};
}

}  // namespace husk::journal
