// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/drivers/real_time_clock.hpp"

#include "guest-runtime/arch/cpu.hpp"

namespace husk::real_time_clock {

namespace {

constexpr std::uint16_t index_port = 0x70, data_port = 0x71;
constexpr std::uint8_t status_a = 0x0a, status_b = 0x0b;
constexpr std::uint8_t update_in_progress = 0x80, is_24_hours = 0x02, is_binary = 0x04;
constexpr std::uint8_t hour_is_afternoon = 0x80;

struct Date {
    unsigned second, minute, hour, day, month, year;
    friend bool operator==(const Date&, const Date&) = default;
};

std::uint8_t read(std::uint8_t index) {
    arch::out8(index_port, index);
    return arch::in8(data_port);
}

Date read_date() { return {read(0), read(2), read(4), read(7), read(8), read(9)}; }

// Days since 1970-01-01 of the Gregorian calendar, years counted from March so that leap days come last.
std::int64_t days_since_epoch(unsigned year, unsigned month, unsigned day) {
    std::int64_t y = month <= 2 ? year - 1 : year;
    std::int64_t month_from_march = month <= 2 ? month + 9 : month - 3;
    std::int64_t day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    return y * 365 + y / 4 - y / 100 + y / 400 + day_of_year - 719'468;
}

}  // namespace

std::optional<std::int64_t> read_seconds() {
    // Twice the same date, read outside an update, is a date.
    Date date{}, again{};
    int tries = 0;
    do {
        if (++tries == 10'000) return std::nullopt;
        while ((read(status_a) & update_in_progress) != 0) {
            if (++tries == 10'000) return std::nullopt;
        }
        date = read_date();
        again = read_date();
    } while (date != again);

    std::uint8_t mode = read(status_b);
    bool is_afternoon = (mode & is_24_hours) == 0 && (date.hour & hour_is_afternoon) != 0;
    if ((mode & is_24_hours) == 0) date.hour &= ~unsigned{hour_is_afternoon};
    if ((mode & is_binary) == 0) {
        for (unsigned* field : {&date.second, &date.minute, &date.hour, &date.day, &date.month, &date.year}) {
            *field = (*field >> 4) * 10 + (*field & 15);
        }
    }
    if ((mode & is_24_hours) == 0) date.hour = date.hour % 12 + (is_afternoon ? 12 : 0);
    if (date.month < 1 || date.month > 12 || date.day < 1 || date.day > 31 || date.hour > 23 || date.minute > 59 ||
        date.second > 60 || date.year > 99) {
        return std::nullopt;
    }
    std::int64_t days = days_since_epoch(2000 + date.year, date.month, date.day);
    return ((days * 24 + date.hour) * 60 + date.minute) * 60 + date.second;
}

}  // namespace husk::real_time_clock
