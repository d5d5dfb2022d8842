// SPDX-License-Identifier: Apache-2.0
#include "launcher/trace/memory_text.hpp"

namespace husk::trace {

namespace {

bool is_octal_digit(char character) { return character >= '0' && character <= '7'; }

// As short as what follows allows.
void add_octal(std::string& text, unsigned char byte, bool digit_follows) {
    text += '\\';
    if (digit_follows || byte >= 0100) text += static_cast<char>('0' + (byte >> 6));
    if (digit_follows || byte >= 010) text += static_cast<char>('0' + (byte >> 3 & 7));
    text += static_cast<char>('0' + (byte & 7));
}

char escape_of(char character) {
    switch (character) {
        case '\n':
            return 'n';
        case '\t':
            return 't';
        case '\r':
            return 'r';
        case '\v':
            return 'v';
        case '\f':
            return 'f';
        case '"':
        case '\\':
            return character;
        default:
            return '\0';
    }
}

}  // namespace

std::string quoted_text(std::string_view bytes, bool is_cut) {
    std::string text = "\"";
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        const char character = bytes[i];
        if (const char escape = escape_of(character); escape != '\0') {
            text += '\\';
            text += escape;
        } else if (character >= ' ' && character <= '~') {
            text += character;
        } else {
            add_octal(text, static_cast<unsigned char>(character),
                      i + 1 < bytes.size() && is_octal_digit(bytes[i + 1]));
        }
    }
    text += '"';
    return is_cut ? text + "..." : text;
}

std::string_view string_at(std::string_view bytes, std::size_t offset, std::size_t most) {
    if (offset >= bytes.size()) return {};
    const std::string_view text = bytes.substr(offset, most);
    return text.substr(0, text.find('\0'));
}

}  // namespace husk::trace
