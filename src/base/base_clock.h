/** Time: a clock that never goes back, the time of day, and calendar conversion (UTC). */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int64_t base_clock_ns(void);    /* since some fixed moment */
int64_t base_clock_now_s(void); /* since 1970 UTC */

/** Days since 1970-01-01 of a proleptic Gregorian date; false when there is no such date. */
bool base_date_to_days(int year, int month, int day, int64_t *days);
/** "2026-11-24 05:57" UTC. */
void base_time_print(int64_t at_s, char *text, size_t n_text_bytes);

#endif
