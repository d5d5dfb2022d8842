// SPDX-License-Identifier: Apache-2.0
// The one door to CLI11: a subcommand's options, parsed or refused with a sentence.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "launcher/config/text.hpp"
#include "launcher/host/error.hpp"

namespace husk::cli {

// "<text>; see 'husk help'", unless the text ends in a question of its own.
template <class... Values>
[[noreturn]] void refuse_usage(std::string_view text, const Values&... values) {
    std::string sentence = config::fill_in(text, values...);
    if (!sentence.ends_with('?')) sentence += "; see 'husk help'";
    throw host::Error(host::ExitCode::usage, sentence);
}

class OptionParser final {
public:
    // `usage` is the line above the options in the help text.
    explicit OptionParser(std::string_view usage);
    ~OptionParser();
    OptionParser(const OptionParser&) = delete;
    OptionParser& operator=(const OptionParser&) = delete;

    void add_text(const std::string& name, const std::string& placeholder, std::optional<std::string>& value,
                  const std::string& help);
    void add_list(const std::string& name, const std::string& placeholder, std::vector<std::string>& values,
                  const std::string& help);
    void add_flag(const std::string& name, bool& value, const std::string& help);
    // --name or --name=VALUE; never takes the next word.
    void add_optional_text(const std::string& name, const std::string& implied, std::string& value,
                           const std::string& help);

    // Everything from the first word that is neither an option nor an option's value on, a "--" in front included.
    // Nothing: help was asked for. Throws host::Error (usage).
    [[nodiscard]] std::optional<std::vector<std::string>> parse(std::span<const char* const> words);

    [[nodiscard]] std::string help() const;

private:
    struct Implementation;
    [[noreturn]] void refuse_option(const std::string& word) const;

    std::unique_ptr<Implementation> implementation_;  // CLI11 is included in one place: each would cost every start
};

}  // namespace husk::cli
