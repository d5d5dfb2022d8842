// SPDX-License-Identifier: Apache-2.0
#include "launcher/report/report_crash.hpp"

#include <unistd.h>

#include <string>

#include "launcher/config/text.hpp"
#include "launcher/report/core_file.hpp"
#include "launcher/report/crash.hpp"
#include "launcher/report/crash_text.hpp"
#include "launcher/report/isolated.hpp"
#include "launcher/report/write_text.hpp"

namespace husk::report {

namespace {

constexpr std::size_t threads_shown_max = 64;

void print_threads(const Crash& crash, const GuestPages& pages, const image::Image& image, bool all) {
    const std::size_t count = all ? std::min(crash.threads.size(), threads_shown_max) : 1;
    for (std::size_t i = 0; i < count; ++i) {
        const abi::CrashThread& thread = crash.threads[i];
        std::string text = config::fill_in("calls of thread {} ({}):\n", thread.tid, thread_name(thread));
        // An image's symbols and debug info are as hostile as the guest: whoever crashes on them must not be the
        // launcher.
        const auto describe = [&] { return describe_calls(thread, pages, image.file); };
        text += run_isolated(describe).value_or("  (the image's debug information could not be read)\n");
        write_text(STDERR_FILENO, text);
    }
    const std::size_t others = crash.threads.size() - count;
    if (others == 0) return;
    say(config::fill_in("{} more thread{}; --verbose shows their calls, --core FILE keeps everything for gdb", others,
                        others == 1 ? "" : "s"));
}

void write_core(const Crash& crash, const DeadGuest& guest, const GuestPages& pages, const image::Image& image,
                const config::LaunchConfig& config, const XsaveLayout& layout) {
    const ReadXsave read_xsave = [&](const abi::CrashThread& thread, std::uint32_t size_bytes) {
        std::vector<std::byte> bytes(size_bytes);
        const bool have = thread.xsave_gpa != 0 && guest.memory.copy_in({thread.xsave_gpa}, bytes);
        return have ? bytes : std::vector<std::byte>();
    };
    try {
        const std::string image_path = std::filesystem::absolute(config.image).native();
        const auto notes = make_core_notes(crash, image, image_path, layout, read_xsave);
        write_core_file(*config.core_file, crash, pages, notes, guest.memory.size_bytes());
        say(config::fill_in("core file: {} (open it with: gdb {} {})", config.core_file->native(),
                            config.image.native(), config.core_file->native()));
    } catch (const std::exception& error) {
        say(error.what());
    }
}

}  // namespace

void report_crash(const DeadGuest& guest, const image::Image& image, const config::LaunchConfig& config,
                  const XsaveLayout& layout) {
    const Crash crash = read_crash(guest.record, guest.memory);
    const GuestPages pages(guest.memory, guest.page_table_root);
    say(describe_cause(crash));
    if (crash.threads.empty()) return;
    write_text(STDERR_FILENO, describe_registers(crash.threads.front().registers));
    print_threads(crash, pages, image, config.verbose);
    if (config.core_file) write_core(crash, guest, pages, image, config, layout);
}

}  // namespace husk::report
