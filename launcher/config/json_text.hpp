// SPDX-License-Identifier: Apache-2.0
// Writes JSON, one value after the other.
//
//   JsonText json;
//   json.begin_object().field("exits", 3).field("name", "app").end_object();
#pragma once

#include <concepts>
#include <string>
#include <string_view>

#include "launcher/config/text.hpp"

namespace husk::config {

// `text` in quotes; control characters, quotes and backslashes escaped.
[[nodiscard]] std::string quote_json(std::string_view text);

class JsonText final {
public:
    JsonText& begin_object() { return open('{'); }
    JsonText& end_object() { return close('}'); }
    JsonText& begin_array() { return open('['); }
    JsonText& end_array() { return close(']'); }

    JsonText& key(std::string_view name);
    JsonText& value(std::string_view text) { return raw(quote_json(text)); }
    JsonText& value(const char* text) { return value(std::string_view(text)); }
    JsonText& value(bool truth) { return raw(truth ? "true" : "false"); }
    JsonText& value(std::integral auto number) { return raw(std::to_string(number)); }
    JsonText& null() { return raw("null"); }
    // A number with a fraction, already in JSON's form.
    JsonText& raw_number(std::string_view number) { return raw(number); }

    JsonText& field(std::string_view name, const auto& content) { return key(name).value(content); }

    [[nodiscard]] const std::string& text() const { return text_; }

private:
    JsonText& open(char bracket);
    JsonText& close(char bracket);
    JsonText& raw(std::string_view text);
    void separate();

    std::string text_;
};

}  // namespace husk::config
