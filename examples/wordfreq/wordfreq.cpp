// SPDX-License-Identifier: Apache-2.0
// Counts the words of its input and prints the most frequent ones.
#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <exception>
#include <fstream>
#include <future>
#include <iostream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace {

using Counts = std::unordered_map<std::string, std::size_t>;

constexpr std::string_view usage =
    "usage: wordfreq [--top N] [--threads N] [FILE]\n"
    "Counts the words of FILE, or of standard input, and prints the N most frequent ones (10).\n";

struct Options {
    std::size_t top = 10;
    std::size_t threads = 4;
    std::string file;  // empty: standard input
    bool help = false;
};

std::size_t parse_number(const std::string& option, const std::string& text) {
    std::size_t number = 0;
    const char* end = text.data() + text.size();
    if (std::from_chars(text.data(), end, number).ptr != end || number == 0) {
        throw std::invalid_argument(option + " needs a number of at least 1");
    }
    return number;
}

Options parse_options(const std::vector<std::string>& words) {
    Options options;
    for (std::size_t i = 0; i < words.size(); ++i) {
        const std::string& word = words[i];
        const std::string value = i + 1 < words.size() ? words[i + 1] : "";
        if (word == "--top") {
            options.top = parse_number(word, value);
            ++i;
        } else if (word == "--threads") {
            options.threads = std::min<std::size_t>(parse_number(word, value), 256);
            ++i;
        } else if (word == "--help") {
            options.help = true;
        } else if (word.starts_with("-")) {
            throw std::invalid_argument("unknown option " + word);
        } else {
            options.file = word;
        }
    }
    return options;
}

std::string read_text(const std::string& file) {
    if (file.empty()) return {std::istreambuf_iterator<char>(std::cin), {}};
    std::ifstream stream(file, std::ios::binary);
    if (!stream) throw std::runtime_error("cannot read " + file + ": " + std::strerror(errno));
    return {std::istreambuf_iterator<char>(stream), {}};
}

// Letters, digits and everything beyond ASCII make words; a ' counts inside one.
bool is_word_character(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return std::isalnum(byte) != 0 || byte >= 0x80 || c == '\'';
}

std::vector<std::string_view> split_between_words(std::string_view text, std::size_t parts) {
    std::vector<std::string_view> pieces;
    const std::size_t size = text.size() / parts + 1;
    while (!text.empty()) {
        std::size_t end = std::min(size, text.size());
        while (end < text.size() && is_word_character(text[end])) ++end;
        pieces.push_back(text.substr(0, end));
        text.remove_prefix(end);
    }
    return pieces;
}

Counts count_words(std::string_view text) {
    Counts counts;
    std::string word;
    const auto finish = [&] {
        while (word.ends_with('\'')) word.pop_back();
        if (!word.empty()) ++counts[word];
        word.clear();
    };
    for (const char c : text) {
        if (c == '\'' && word.empty()) continue;
        if (is_word_character(c)) {
            word.push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
        } else {
            finish();
        }
    }
    finish();
    return counts;
}

Counts count_in_parallel(std::string_view text, std::size_t threads) {
    std::vector<std::future<Counts>> parts;
    for (const std::string_view piece : split_between_words(text, threads)) {
        parts.push_back(std::async(std::launch::async, count_words, piece));
    }
    Counts total;
    for (auto& part : parts) {
        for (const auto& [word, count] : part.get()) total[word] += count;
    }
    return total;
}

void print_most_frequent(const Counts& counts, std::size_t top) {
    std::vector<std::pair<std::string_view, std::size_t>> ranking(counts.begin(), counts.end());
    const auto shown = static_cast<std::ptrdiff_t>(std::min(top, ranking.size()));
    std::partial_sort(ranking.begin(), ranking.begin() + shown, ranking.end(), [](const auto& a, const auto& b) {
        return a.second != b.second ? a.second > b.second : a.first < b.first;
    });
    ranking.resize(static_cast<std::size_t>(shown));
    for (const auto& [word, count] : ranking) {
        std::cout << count << ' ' << word << '\n';
    }
    std::cout.flush();
    if (!std::cout) throw std::runtime_error("cannot write the result");
}

}  // namespace

int main(int argc, char** argv) {
    std::ios::sync_with_stdio(false);
    try {
        const Options options = parse_options({argv + 1, argv + argc});
        if (options.help) {
            std::cout << usage;
            return 0;
        }
        print_most_frequent(count_in_parallel(read_text(options.file), options.threads), options.top);
        return 0;
    } catch (const std::invalid_argument& error) {
        std::cerr << "wordfreq: " << error.what() << '\n' << usage;
        return 2;
    } catch (const std::exception& error) {
        std::cerr << "wordfreq: " << error.what() << '\n';
        return 1;
    }
}
