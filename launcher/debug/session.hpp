// SPDX-License-Identifier: Apache-2.0
// Answers GDB's packets about a guest that stands still, until one of them lets it go on.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "launcher/debug/breakpoints.hpp"
#include "launcher/debug/stopped_guest.hpp"
#include "launcher/image/image.hpp"

namespace husk::debug {

// A piece of memory that stops the guest when it has changed.
struct Watchpoint {
    abi::GuestVirt at;
    std::vector<std::byte> before;  // as it was last seen
};

// How the guest leaves its stop.
struct Resumption {
    enum class Kind { go_on, detach, kill };
    Kind kind = Kind::go_on;
    std::set<std::uint32_t> steps{};  // threads that run one instruction only
    bool takes_signal = false;        // the signal that was the stop's cause goes to the application
};

class Session final {
public:
    // with_avx: the guest has AVX. note: where the runtime's text lies, which takes no breakpoints.
    Session(const abi::ImageNote& note, bool with_avx) : note_(note), with_avx_(with_avx) {}

    // Before packets are answered: the guest has stopped in thread `tid`.
    void begin_stop(StoppedGuest& guest, std::uint32_t tid, StopCause cause);

    // What GDB is told of the stop.
    [[nodiscard]] std::string stop_reply() const;

    struct Answer {
        std::optional<std::string> reply;      // nothing: none, since the guest goes on
        std::optional<Resumption> resumption;  // nothing: it stays
        bool stops_acknowledging = false;
    };
    [[nodiscard]] Answer answer(std::string_view packet);

    [[nodiscard]] const Breakpoints& breakpoints() const { return breakpoints_; }
    [[nodiscard]] bool is_watching() const { return !watchpoints_.empty(); }
    // A watchpoint whose memory is not as it was; its new value is kept.
    [[nodiscard]] std::optional<abi::GuestVirt> try_find_change(const StoppedGuest& guest);

    // A debugger leaves: the guest is as it was without.
    void clear(const StoppedGuest& guest);

private:
    struct Command {
        std::string_view prefix;
        Answer (Session::*run)(std::string_view rest);
    };
    static const std::vector<Command>& commands();

    [[nodiscard]] Answer features(std::string_view rest);
    [[nodiscard]] Answer start_without_acknowledgement(std::string_view rest);
    [[nodiscard]] Answer transfer(std::string_view rest);
    [[nodiscard]] Answer current_thread(std::string_view rest);
    [[nodiscard]] Answer first_threads(std::string_view rest);
    [[nodiscard]] Answer no_more_threads(std::string_view rest);
    [[nodiscard]] Answer attached(std::string_view rest);
    [[nodiscard]] Answer why(std::string_view rest);
    [[nodiscard]] Answer select_thread(std::string_view rest);
    [[nodiscard]] Answer is_alive(std::string_view rest);
    [[nodiscard]] Answer read_registers(std::string_view rest);
    [[nodiscard]] Answer write_registers(std::string_view rest);
    [[nodiscard]] Answer read_one_register(std::string_view rest);
    [[nodiscard]] Answer write_one_register(std::string_view rest);
    [[nodiscard]] Answer read_memory(std::string_view rest);
    [[nodiscard]] Answer write_memory(std::string_view rest);
    [[nodiscard]] Answer insert(std::string_view rest);
    [[nodiscard]] Answer remove(std::string_view rest);
    [[nodiscard]] Answer resume_actions(std::string_view rest);
    [[nodiscard]] Answer resume(std::string_view rest);
    [[nodiscard]] Answer resume_with_signal(std::string_view rest);
    [[nodiscard]] Answer step(std::string_view rest);
    [[nodiscard]] Answer detach(std::string_view rest);
    [[nodiscard]] Answer kill(std::string_view rest);

    [[nodiscard]] std::string thread_list() const;
    [[nodiscard]] bool try_watch(abi::GuestVirt at, std::uint64_t size_bytes);

    const abi::ImageNote& note_;
    const bool with_avx_;
    StoppedGuest* guest_ = nullptr;  // during a stop
    StopCause cause_;
    std::uint32_t stopped_tid_ = 0;
    std::uint32_t selected_tid_ = 0;
    Breakpoints breakpoints_;
    std::vector<Watchpoint> watchpoints_;
};

}  // namespace husk::debug
