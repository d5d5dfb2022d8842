// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/journal/recovery.hpp"

#include "guest-runtime/fs/heap_array.hpp"
#include "guest-runtime/fs/journal/crc32_be.hpp"
#include "guest-runtime/fs/journal/revoke_table.hpp"

namespace husk::journal {

namespace {

enum class Pass : std::uint8_t { scan, revoke, replay };

class Recovery {
public:
    Recovery(const LogState& log, RecoveryStorage& storage) : log_(log), storage_(storage) {}
    Result<Recovered> run();

private:
    // How a pass goes on behind a block.
    enum class Next : std::uint8_t { go_on, end };

    Result<> pass(Pass which);
    Result<Next> on_descriptor(Pass which);
    Result<Next> on_commit(Pass which);
    Result<> on_revoke(Pass which);
    Result<> replay_copy(const BlockTag& tag);
    Result<> skip_copies();
    Result<> sum_up_copies();
    bool transaction_is_right();
    Result<> read_next(std::span<std::byte> to);
    // Calls visit(tag) for each tag of the descriptor block; its error ends the walk.
    template <class Visit>
    Result<> for_each_tag(Visit visit);

    const LogState& log_;
    RecoveryStorage& storage_;
    fs::HeapArray<std::byte> block_, copy_;
    RevokeTable revokes_;
    Recovered result_;
    bool has_failed_ = false;  // a copy could not be replayed

    // Of the current pass.
    TransactionId sequence_ = 0;
    std::uint32_t at_ = 0;      // index of the next block
    std::uint32_t passed_ = 0;  // blocks so far: a damaged log must not lead in circles
    // Scan: a checksum was wrong. The block belongs to an older log, and this one ended in front of it, unless a commit
    // block follows that is no older than what came before.
    bool is_doubtful_ = false;
    std::uint64_t last_commit_seconds_ = 0;
    std::uint32_t transaction_checksum_ = crc32_be_start;
};

Result<> Recovery::read_next(std::span<std::byte> to) {
    HUSK_TRY(storage_.read_log(at_, to));
    ++passed_;
    if (++at_ == log_.block_count) at_ = log_.first;
    return {};
}

template <class Visit>
Result<> Recovery::for_each_tag(Visit visit) {
    std::size_t end = log_.layout.block_bytes - log_.layout.tail_bytes();
    std::size_t at = sizeof(format::Header);
    while (at + log_.layout.tag_bytes() <= end) {
        BlockTag tag = read_tag(log_.layout, block_.data() + at);
        HUSK_TRY(visit(tag));
        at += log_.layout.tag_bytes() + ((tag.flags & format::tag_flag::same_uuid) != 0 ? 0 : format::uuid_bytes);
        if ((tag.flags & format::tag_flag::last) != 0) break;
    }
    return {};
}

Result<> Recovery::replay_copy(const BlockTag& tag) {
    if (!read_next(copy_.span()).ok()) {
        has_failed_ = true;
        return {};
    }
    if (revokes_.revokes(tag.block, sequence_)) {
        ++result_.revoked;
        return {};
    }
    if (!copy_is_right(log_.layout, tag, sequence_, copy_.span())) {
        has_failed_ = true;
        return {};
    }
    if ((tag.flags & format::tag_flag::escaped) != 0) store(copy_.span(), Be32(format::magic));
    if (storage_.write_home(tag.block, copy_.span()).ok()) {
        ++result_.replayed;
    } else {
        has_failed_ = true;
    }
    return {};
}

Result<Recovery::Next> Recovery::on_descriptor(Pass which) {
    if (!log_.layout.tail_is_right(block_.span())) {
        if (which != Pass::scan) return Errno::eio;
        is_doubtful_ = true;
    }
    if (which == Pass::replay) {
        HUSK_TRY(for_each_tag([this](const BlockTag& tag) { return replay_copy(tag); }));
        return Next::go_on;
    }
    bool sums_up = which == Pass::scan && log_.has_transaction_checksums;
    HUSK_TRY(sums_up ? sum_up_copies() : skip_copies());
    return Next::go_on;
}

Result<> Recovery::skip_copies() {
    std::uint32_t copies = 0;
    HUSK_TRY(for_each_tag([&copies](const BlockTag&) {
        ++copies;
        return Result<>();
    }));
    passed_ += copies;
    at_ += copies;
    std::uint32_t length = log_.block_count - log_.first;
    if (at_ >= log_.block_count) at_ = log_.first + (at_ - log_.block_count) % length;
    return {};
}

Result<> Recovery::sum_up_copies() {
    transaction_checksum_ = crc32_be(transaction_checksum_, block_.span());
    return for_each_tag([this](const BlockTag&) {
        auto read = read_next(copy_.span());
        if (read.ok()) transaction_checksum_ = crc32_be(transaction_checksum_, copy_.span());
        return read;
    });
}

// With COMPAT_CHECKSUM: the checksum is that of descriptor blocks and copies, or was not filled in.
bool Recovery::transaction_is_right() {
    if (!log_.has_transaction_checksums) return true;
    auto commit = load<format::Commit>(block_.span());
    bool is_filled_in = commit.checksum_type != 0 || commit.checksum_bytes != 0 || commit.checksum[0] != 0;
    std::uint32_t right = std::exchange(transaction_checksum_, crc32_be_start);
    return !is_filled_in || (commit.checksum_type == format::checksum_crc32 && commit.checksum_bytes == sizeof(Be32) &&
                             commit.checksum[0] == right);
}

Result<Recovery::Next> Recovery::on_commit(Pass which) {
    if (which == Pass::scan) {
        std::uint64_t seconds = load<format::Commit>(block_.span()).seconds;
        if (is_doubtful_) {
            if (seconds >= last_commit_seconds_) return Errno::eio;
            return Next::end;
        }
        // A commit block that is torn or stale: its transaction does not count.
        if (!transaction_is_right() || !log_.layout.commit_is_right(block_.span())) return Next::end;
        last_commit_seconds_ = seconds;
    }
    ++sequence_;
    return Next::go_on;
}

Result<> Recovery::on_revoke(Pass which) {
    if (which == Pass::scan && !log_.layout.tail_is_right(block_.span())) is_doubtful_ = true;
    if (which != Pass::revoke) return {};
    if (!log_.layout.tail_is_right(block_.span())) return Errno::eio;
    std::uint32_t used = load<format::Revoke>(block_.span()).used_bytes;
    if (used > log_.layout.block_bytes - log_.layout.tail_bytes()) return Errno::eio;
    std::uint32_t step = log_.layout.revoke_entry_bytes();
    for (std::size_t at = sizeof(format::Revoke); at + step <= used; at += step) {
        std::uint64_t block = log_.layout.is_wide ? std::uint64_t{load<Be64>(block_.span(), at)}
                                                  : std::uint64_t{load<Be32>(block_.span(), at)};
        HUSK_TRY(revokes_.add(block, sequence_));
    }
    return {};
}

Result<> Recovery::pass(Pass which) {
    sequence_ = log_.sequence;
    at_ = log_.start;
    passed_ = 0;
    while (passed_ < log_.block_count - log_.first) {
        if (which != Pass::scan && sequence_ == result_.next) break;
        HUSK_TRY(read_next(block_.span()));
        auto header = load<format::Header>(block_.span());
        if (header.magic != format::magic || header.sequence != sequence_) break;
        Next next = Next::go_on;
        switch (header.type) {
            case format::block_type::descriptor:
                next = HUSK_TRY(on_descriptor(which));
                break;
            case format::block_type::commit:
                next = HUSK_TRY(on_commit(which));
                break;
            case format::block_type::revoke:
                HUSK_TRY(on_revoke(which));
                break;
            default:
                next = Next::end;
        }
        if (next == Next::end) break;
    }
    if (which == Pass::scan) result_.next = sequence_;
    // The later passes read what the scan has read.
    return sequence_ == result_.next ? Result<>() : Errno::eio;
}

Result<Recovered> Recovery::run() {
    block_ = HUSK_TRY(fs::HeapArray<std::byte>::create(log_.layout.block_bytes));
    copy_ = HUSK_TRY(fs::HeapArray<std::byte>::create(log_.layout.block_bytes));
    HUSK_TRY(pass(Pass::scan));
    HUSK_TRY(pass(Pass::revoke));
    HUSK_TRY(pass(Pass::replay));
    if (has_failed_) return Errno::eio;
    return result_;
}

}  // namespace

Result<Recovered> recover_log(const LogState& log, RecoveryStorage& storage) { return Recovery(log, storage).run(); }

}  // namespace husk::journal
