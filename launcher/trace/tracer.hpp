// SPDX-License-Identifier: Apache-2.0
// Lines about the guest's system calls, as strace prints them.
//
//   trace::Tracer tracer(write_text);
//   tracer.take(bytes); ...      // of the guest's stream of records, as they come
//   tracer.on_period(); ...      // now and then
//   tracer.finish(status, signal);
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "launcher/trace/record_stream.hpp"

namespace husk::trace {

// Every public function from any thread.
class Tracer final {
public:
    // write_text: takes whole lines.
    explicit Tracer(std::function<void(std::string_view)> write_text) : write_text_(std::move(write_text)) {}

    void take(std::span<const std::byte> bytes);

    // A call that has been waiting for a whole period is printed as unfinished: who watches wants to see it.
    void on_period();

    // The VM has ended. signal: 0, or what killed the application.
    void finish(int status, int signal);

private:
    struct Call {
        Record entry;
        bool is_shown = false;  // its beginning was printed
        bool is_old = false;    // a period has passed
    };

    void on_record(Record record);
    void on_entry(Record record);
    void on_exit(const Record& record);
    // The one call whose beginning still waits for its end, so that both become one line.
    void show_beginning();
    void add_line(const abi::TraceRecord& header, const std::string& text);
    void flush();

    const std::function<void(std::string_view)> write_text_;
    std::mutex mutex_;
    RecordStream stream_{[this](Record record) { on_record(std::move(record)); }};
    std::map<std::uint32_t, Call> calls_;  // by tid
    std::optional<std::uint32_t> hidden_;  // tid of the call that is not shown
    std::string lines_;
    bool is_broken_ = false;
};

}  // namespace husk::trace
