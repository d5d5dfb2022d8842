// SPDX-License-Identifier: Apache-2.0
#include "launcher/config/config_file.hpp"

#define TOML_ENABLE_FORMATTERS 0
#define TOML_ENABLE_WINDOWS_COMPAT 0
#include <toml++/toml.h>

#include <algorithm>
#include <array>

#include "launcher/config/nearest_name.hpp"
#include "launcher/config/read_text_file.hpp"
#include "launcher/config/text.hpp"
#include "launcher/config/values.hpp"
#include "launcher/host/error.hpp"

namespace husk::config {

namespace {

// A value in the file and what a message about it needs.
struct Setting {
    const std::filesystem::path* file;
    std::string_view key;
    const toml::node* node;

    template <class... Values>
    [[noreturn]] void refuse(std::string_view text, const Values&... values) const {
        throw host::Error(host::ExitCode::config_file,
                          fill_in("{}:{}: ", file->native(), node->source().begin.line) + fill_in(text, values...));
    }
    [[noreturn]] void refuse_form(std::string_view form) const { refuse("{} must be {}", key, form); }

    [[nodiscard]] std::string string(std::string_view form) const {
        const auto* value = node->as_string();
        if (value == nullptr) refuse("{} must be {}, in quotes", key, form);
        if (value->get().find('\0') != std::string::npos) refuse("{} contains a NUL character", key);
        return value->get();
    }
    [[nodiscard]] bool boolean() const {
        const auto* value = node->as_boolean();
        if (value == nullptr) refuse("{} must be true or false", key);
        return value->get();
    }
    // Of a string, or of a number where the unit may be left out.
    template <class Value>
    [[nodiscard]] Value parsed(std::optional<Value> (*parse)(std::string_view), std::string_view form) const {
        const auto* number = node->as_integer();
        const std::string text = number != nullptr ? std::to_string(number->get()) : string(form);
        const std::optional<Value> value = parse(text);
        if (!value) refuse("{} is '{}', but it must be {}", key, text, form);
        return *value;
    }
    [[nodiscard]] std::filesystem::path path() const {
        const std::filesystem::path value = string("a path");
        if (value.empty()) refuse("{} is empty", key);
        return value.is_absolute() ? value : file->parent_path() / value;
    }
};

void set_arguments(const Setting& setting, LaunchConfig& config) {
    const auto* list = setting.node->as_array();
    if (list == nullptr) setting.refuse_form("a list of strings such as [\"a\", \"b\"]");
    config.arguments.clear();
    for (const toml::node& item : *list) {
        config.arguments.push_back(Setting{setting.file, "an entry of args", &item}.string("a string"));
    }
}

void set_variables(const Setting& setting, LaunchConfig& config) {
    const auto add = [&](const Setting& item, std::string entry) {
        if (!is_environment_entry(entry)) item.refuse("'{}' in env must be {}", entry, environment_form);
        set_environment(config.environment, std::move(entry));
    };
    if (const auto* table = setting.node->as_table()) {
        for (const auto& [key, value] : *table) {
            const Setting item{setting.file, key.str(), &value};
            add(item, std::string(key.str()) + "=" + item.string("a string"));
        }
    } else if (const auto* list = setting.node->as_array()) {
        for (const toml::node& value : *list) {
            const Setting item{setting.file, "an entry of env", &value};
            add(item, item.string(environment_form));
        }
    } else {
        setting.refuse_form("a table such as { NAME = \"value\" }");
    }
}

void set_stats(const Setting& setting, LaunchConfig& config) {
    if (setting.node->is_boolean()) {
        config.stats = setting.boolean() ? StatsFormat::text : StatsFormat::none;
    } else {
        config.stats = setting.parsed(parse_stats, stats_form);
    }
}

void set_directory(const Setting& setting, LaunchConfig& config) {
    config.working_directory = setting.string(directory_form);
    if (!is_absolute_directory(config.working_directory)) setting.refuse_form(directory_form);
}

struct Key {
    std::string_view name;
    void (*set)(const Setting&, LaunchConfig&);
};

constexpr std::array keys{
    Key{"image", [](const Setting& s, LaunchConfig& c) { c.image = s.path(); }},
    Key{"args", set_arguments},
    Key{"memory", [](const Setting& s, LaunchConfig& c) { c.memory_bytes = s.parsed(parse_size, size_form); }},
    Key{"hugepages",
        [](const Setting& s, LaunchConfig& c) { c.huge_pages = s.parsed(parse_huge_pages, huge_pages_form); }},
    Key{"env", set_variables},
    Key{"cwd", set_directory},
    Key{"timeout", [](const Setting& s, LaunchConfig& c) { c.timeout = s.parsed(parse_duration, duration_form); }},
    Key{"accel",
        [](const Setting& s, LaunchConfig& c) { c.accelerator = s.parsed(parse_accelerator, accelerator_form); }},
    Key{"core", [](const Setting& s, LaunchConfig& c) { c.core_file = s.path(); }},
    Key{"stats", set_stats},
    Key{"verbose", [](const Setting& s, LaunchConfig& c) { c.verbose = s.boolean(); }},
};

void set_key(const Setting& setting, LaunchConfig& config) {
    for (const Key& key : keys) {
        if (key.name == setting.key) return key.set(setting, config);
    }
    std::array<std::string_view, keys.size()> names{};
    std::ranges::transform(keys, names.begin(), &Key::name);
    setting.refuse("unknown key '{}'{}", setting.key, suggest_name(setting.key, names));
}

}  // namespace

void read_config(std::string_view text, const std::filesystem::path& name, LaunchConfig& config) {
    try {
        const toml::table table = toml::parse(text, name.native());
        // By line, so that the message is about the first mistake.
        std::vector<Setting> settings;
        for (const auto& [key, value] : table) settings.push_back({&name, key.str(), &value});
        std::ranges::sort(settings, {}, [](const Setting& s) { return s.node->source().begin.line; });
        for (const Setting& setting : settings) set_key(setting, config);
    } catch (const toml::parse_error& error) {
        throw host::Error(host::ExitCode::config_file,
                          fill_in("{}:{}: {}", name.native(), error.source().begin.line, error.description()));
    }
}

void read_config_file(const std::filesystem::path& path, LaunchConfig& config) {
    read_config(read_text_file(path), path, config);
}

}  // namespace husk::config
