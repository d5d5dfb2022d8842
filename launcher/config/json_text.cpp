// SPDX-License-Identifier: Apache-2.0
#include "launcher/config/json_text.hpp"

namespace husk::config {

std::string quote_json(std::string_view text) {
    static constexpr std::string_view digits = "0123456789abcdef";
    std::string quoted = "\"";
    for (const char character : text) {
        const auto code = static_cast<unsigned char>(character);
        if (character == '"' || character == '\\') {
            quoted += '\\';
            quoted += character;
        } else if (code < 0x20) {
            quoted += "\\u00";
            quoted += digits[code >> 4];
            quoted += digits[code & 15];
        } else {
            quoted += character;
        }
    }
    return quoted += '"';
}

JsonText& JsonText::key(std::string_view name) {
    separate();
    text_ += quote_json(name);
    text_ += ':';
    return *this;
}

JsonText& JsonText::open(char bracket) {
    separate();
    text_ += bracket;
    return *this;
}

JsonText& JsonText::close(char bracket) {
    text_ += bracket;
    return *this;
}

JsonText& JsonText::raw(std::string_view text) {
    separate();
    text_ += text;
    return *this;
}

void JsonText::separate() {
    if (!text_.empty() && text_.back() != '{' && text_.back() != '[' && text_.back() != ':') text_ += ',';
}

}  // namespace husk::config
