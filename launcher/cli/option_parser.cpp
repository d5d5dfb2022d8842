// SPDX-License-Identifier: Apache-2.0
#include "launcher/cli/option_parser.hpp"

// CLI11 wants <iostream> only for the default arguments of App::exit(), which is not called here. The header's static
// initialiser would set up locales and eight streams at each start, so the two names are declared without it.
#include <ostream>
#define _GLIBCXX_IOSTREAM 1
namespace std {
extern ostream cout;
extern ostream cerr;
}  // namespace std
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "launcher/config/nearest_name.hpp"

namespace husk::cli {

struct OptionParser::Implementation {
    explicit Implementation(std::string_view usage) : app(std::string(usage)) {}
    CLI::App app;
};

OptionParser::OptionParser(std::string_view usage) : implementation_(std::make_unique<Implementation>(usage)) {
    implementation_->app.prefix_command();  // the first other word ends the options
}

OptionParser::~OptionParser() = default;

void OptionParser::add_text(const std::string& name, const std::string& placeholder, std::optional<std::string>& value,
                            const std::string& help) {
    implementation_->app
        .add_option_function<std::string>(
            name, [&value](const std::string& text) { value = text; }, help)
        ->type_name(placeholder)
        ->take_last();
}

void OptionParser::add_list(const std::string& name, const std::string& placeholder, std::vector<std::string>& values,
                            const std::string& help) {
    implementation_->app.add_option(name, values, help)->type_name(placeholder)->allow_extra_args(false);
}

void OptionParser::add_flag(const std::string& name, bool& value, const std::string& help) {
    implementation_->app.add_flag(name, value, help);
}

void OptionParser::add_optional_text(const std::string& name, const std::string& implied, std::string& value,
                                     const std::string& help) {
    implementation_->app.add_flag(name + "{" + implied + "}", value, help)->take_last();
}

std::optional<std::vector<std::string>> OptionParser::parse(std::span<const char* const> words) {
    std::vector<std::string> reversed(words.rbegin(), words.rend());  // as CLI11 wants them
    try {
        implementation_->app.parse(std::move(reversed));
    } catch (const CLI::CallForHelp&) {
        return std::nullopt;
    } catch (const CLI::ParseError& error) {
        refuse_usage("{}", error.what());
    }
    std::vector<std::string> rest = implementation_->app.remaining();
    if (!rest.empty() && rest.front() != "--" && rest.front().starts_with('-')) refuse_option(rest.front());
    return rest;
}

std::string OptionParser::help() const {
    static constexpr std::string_view empty_usage = "Usage: [OPTIONS]\n";  // the description says it already
    std::string text = implementation_->app.help();
    if (const std::size_t begin = text.find(empty_usage); begin != std::string::npos) {
        text.erase(begin, empty_usage.size());
    }
    return text.erase(text.find_last_not_of('\n') + 1) + "\n";
}

void OptionParser::refuse_option(const std::string& word) const {
    std::vector<std::string> names;
    for (const CLI::Option* option : implementation_->app.get_options()) {
        for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    }
    const std::vector<std::string_view> views(names.begin(), names.end());
    const std::string name = word.substr(0, word.find('='));
    refuse_usage("unknown option '{}'{}", name, config::suggest_name(name, views));
}

}  // namespace husk::cli
