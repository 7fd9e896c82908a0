/**
 * Clocks and the calendar; see base_clock.h.
 */
#include "base_clock.h"

#include <stdio.h>
#include <time.h>

int64_t base_clock_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t base_clock_now_s(void)
{
    return (int64_t)time(NULL);
}

bool base_date_to_days(int year, int month, int day, int64_t *days)
{
    static const int month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1) {
        return false;
    }
    const bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (day > month_days[month - 1] + (is_leap && month == 2 ? 1 : 0)) {
        return false;
    }
    // Count from 1 March of year 0, so that the leap day ends a year.
    const int64_t y = month > 2 ? year : year - 1;
    const int64_t day_of_year =
        (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    *days = 365 * y + y / 4 - y / 100 + y / 400 + day_of_year - 719468;
    return true;
}

void base_time_print(int64_t at_s, char *text, size_t n_text_bytes)
{
    struct tm t;
    const time_t at = (time_t)at_s;
    if (!gmtime_r(&at, &t) || strftime(text, n_text_bytes, "%Y-%m-%d %H:%M", &t) == 0) {
        (void)snprintf(text, n_text_bytes, "?");
    }
}
