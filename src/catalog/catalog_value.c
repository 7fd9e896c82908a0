/**
 * Values in text: numbers, moments, stars, ids and titles; see catalog_read.h. Strict: the
 * whole text is the value, or it is none.
 */
#include "catalog_read.h"

#include "base_clock.h"

#include <string.h>
#include <strings.h>

enum { DAY_S = 86400, YEAR_MIN = 1870, YEAR_MAX = 2100, IMDB_DIGITS_MIN = 7 };

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

char *catalog_trim(char *text)
{
    while (is_blank(*text)) {
        text++;
    }
    size_t n = strlen(text);
    while (n > 0 && is_blank(text[n - 1])) {
        n--;
    }
    text[n] = '\0';
    return text;
}

int32_t catalog_split(char *text, char separator, const char **item, int32_t n_max)
{
    int32_t n = 0;
    while (text && n < n_max) {
        char *end = strchr(text, separator);
        if (end) {
            *end++ = '\0';
        }
        text = catalog_trim(text);
        if (*text) {
            item[n++] = text;
        }
        text = end;
    }
    return n;
}

// ---- numbers ----

bool catalog_parse_int(const char *text, int64_t *value)
{
    const bool is_negative = *text == '-';
    const char *p = text + is_negative;
    int64_t v = 0;
    int n = 0;
    for (; is_digit(*p); p++, n++) {
        if (n >= 18) { // 10^18 still fits
            return false;
        }
        v = 10 * v + (*p - '0');
    }
    if (n == 0 || *p) {
        return false;
    }
    *value = is_negative ? -v : v;
    return true;
}

bool catalog_parse_decimal(const char *text, double *value)
{
    static const double power[] = {1,    1e1,  1e2,  1e3,  1e4,  1e5,  1e6,
                                   1e7,  1e8,  1e9,  1e10, 1e11, 1e12, 1e13,
                                   1e14, 1e15, 1e16, 1e17, 1e18};
    const bool is_negative = *text == '-';
    const char *p = text + (is_negative || *text == '+');
    int64_t digits = 0;
    int n = 0, n_after = 0;
    bool is_after = false;
    for (;; p++) {
        if (is_digit(*p)) {
            if (n < 18) { // later ones change nothing that matters, but keep the size
                digits = 10 * digits + (*p - '0');
                n++;
                n_after += is_after;
            } else if (!is_after) {
                return false;
            }
        } else if (*p == '.' && !is_after) {
            is_after = true;
        } else {
            break;
        }
    }
    if (n == 0 || *p) {
        return false;
    }
    const double v = (double)digits / power[n_after];
    *value = is_negative ? -v : v;
    return true;
}

const char *catalog_read_stars(const char *text, double best, double *stars)
{
    double value;
    if (!catalog_parse_decimal(text, &value)) {
        return "rating is not a number";
    }
    value = value * 5 / best;
    if (!(value >= 0.5 && value <= 5)) {
        return "rating out of range";
    }
    *stars = value;
    return NULL;
}

// ---- moments ----

// Up to `n_max` digits; NULL when there is none.
static const char *take_digits(const char *p, int n_max, int *value)
{
    int n = 0;
    *value = 0;
    while (n < n_max && is_digit(p[n])) {
        *value = 10 * *value + (p[n++] - '0');
    }
    return n > 0 ? p + n : NULL;
}

bool catalog_parse_year(const char *text, int32_t *year)
{
    int value;
    const char *end = take_digits(text, 4, &value);
    if (end != text + 4 || value < YEAR_MIN || value > YEAR_MAX ||
        (*end != '\0' && *end != '-' && *end != '/' && *end != '.')) {
        return false;
    }
    *year = value;
    return true;
}

// "+01:00", "-0530", "Z", " UTC" or nothing, to the end of the text.
static bool take_zone(const char *p, int *offset_s)
{
    *offset_s = 0;
    p += *p == ' ';
    if (*p == '\0' || strcasecmp(p, "Z") == 0 || strcasecmp(p, "UTC") == 0) {
        return true;
    }
    if (*p != '+' && *p != '-') {
        return false;
    }
    const int sign = *p == '-' ? -1 : 1;
    int hours, minutes = 0;
    p = take_digits(p + 1, 2, &hours);
    if (p && *p) {
        p = take_digits(p + (*p == ':'), 2, &minutes);
    }
    *offset_s = sign * (hours * 3600 + minutes * 60);
    return p && *p == '\0' && hours <= 14 && minutes < 60;
}

static bool take_clock(const char *p, int *second_of_day, int *offset_s)
{
    int hour, minute, second = 0, fraction;
    p = take_digits(p, 2, &hour);
    p = p && *p == ':' ? take_digits(p + 1, 2, &minute) : NULL;
    if (p && *p == ':') {
        p = take_digits(p + 1, 2, &second);
        if (p && *p == '.') {
            p = take_digits(p + 1, 9, &fraction);
        }
    }
    if (!p || hour > 23 || minute > 59 || second > 60) {
        return false;
    }
    *second_of_day = hour * 3600 + minute * 60 + second;
    return take_zone(p, offset_s);
}

static bool parse_calendar(const char *text, int64_t *at_s)
{
    int year, month, day, second_of_day = 0, offset_s = 0;
    const char *p = take_digits(text, 4, &year);
    if (p != text + 4 || (*p != '-' && *p != '/' && *p != '.')) {
        return false;
    }
    const char mark = *p;
    p = take_digits(p + 1, 2, &month);
    p = p && *p == mark ? take_digits(p + 1, 2, &day) : NULL;
    int64_t days;
    if (!p || !base_date_to_days(year, month, day, &days)) {
        return false;
    }
    if (*p &&
        ((*p != 'T' && *p != ' ') || !take_clock(p + 1, &second_of_day, &offset_s))) {
        return false;
    }
    *at_s = days * DAY_S + second_of_day - offset_s;
    return true;
}

bool catalog_parse_time(const char *text, int64_t *at_s)
{
    static const int64_t ms_from = 100000000000, us_from = 100000000000000;
    int64_t v;
    if (catalog_parse_int(text, &v)) {
        int64_t days;
        const int date = v > 18700101 && v < 21001231 ? (int)v : 0;
        if (date &&
            base_date_to_days(date / 10000, date / 100 % 100, date % 100, &days)) {
            *at_s = days * DAY_S; // "20240131"
            return true;
        }
        const int64_t size = v < 0 ? -v : v;
        *at_s = size > us_from ? v / 1000000 : size > ms_from ? v / 1000 : v;
        return true;
    }
    double seconds;
    if (catalog_parse_decimal(text, &seconds)) { // "881250949.0"
        *at_s = (int64_t)(fabs(seconds) > (double)ms_from ? seconds / 1000 : seconds);
        return true;
    }
    return parse_calendar(text, at_s);
}

const char *catalog_read_time(const struct catalog_reader *r, const char *text,
                              int64_t *at_s)
{
    static const int64_t oldest_s = -3155673600; // 1870-01-01
    if (*text == '\0') {
        *at_s = REEL_TIME_UNKNOWN;
        return NULL;
    }
    int64_t at;
    if (!catalog_parse_time(text, &at)) {
        return "not a date";
    }
    if (at < oldest_s) {
        return "date before 1870";
    }
    if (at > r->now_s + 2 * DAY_S) {
        return "date in the future";
    }
    *at_s = at;
    return NULL;
}

// ---- ids and titles ----

bool catalog_parse_imdb(const char *text, char imdb[16])
{
    const char *p = text;
    if (!is_digit(*p)) {
        while ((p = strstr(p, "tt")) && !is_digit(p[2])) {
            p += 2;
        }
        if (!p || (p > text && (is_digit(p[-1]) || (p[-1] | 32) >= 'a'))) {
            return false;
        }
        p += 2;
    }
    size_t n = strspn(p, "0123456789");
    if ((p == text && p[n]) || strspn(p, "0") == n) {
        return false;
    }
    while (n > IMDB_DIGITS_MIN && *p == '0') { // "0000114709" is "0114709"
        p++;
        n--;
    }
    if (n > 10) {
        return false;
    }
    const int n_zeros = n < IMDB_DIGITS_MIN ? IMDB_DIGITS_MIN - (int)n : 0;
    (void)snprintf(imdb, 16, "tt%.*s%.*s", n_zeros, "0000000", (int)n, p);
    return true;
}

// The article that `text` of `n` bytes ends with after ", "; NULL when there is none.
static const char *ending_article(const char *text, size_t n, size_t *n_article)
{
    static const char *const article[] = {
        "The", "A",   "An",  "Le",  "La",  "Les", "L'",  "El",  "Los",  "Las", "Il",
        "Lo",  "Gli", "Der", "Die", "Das", "Den", "Det", "Een", "Het",  "De",  "O",
        "Os",  "Um",  "Uma", "Un",  "Une", "Una", "Uno", "Ein", "Eine",
    };
    for (size_t i = 0; i < sizeof article / sizeof article[0]; i++) {
        const size_t m = strlen(article[i]);
        if (n > m + 2 && memcmp(text + n - m - 2, ", ", 2) == 0 &&
            memcmp(text + n - m, article[i], m) == 0) {
            *n_article = m;
            return article[i];
        }
    }
    return NULL;
}

static const char *unsort(struct base_arena *row, const char *text, size_t n)
{
    size_t m;
    const char *article = ending_article(text, n, &m);
    if (!article) {
        return base_arena_strndup(row, text, n);
    }
    const bool is_joined = article[m - 1] == '\'';
    const size_t n_name = n - m - 2;
    char *out = base_arena_alloc(row, n + 1, 1);
    if (out) {
        (void)snprintf(out, n + 1, "%s%s%.*s", article, is_joined ? "" : " ", (int)n_name,
                       text);
    }
    return out;
}

const char *catalog_title_unsort(struct base_arena *row, const char *text)
{
    return unsort(row, text, strlen(text));
}

// Where "(1995)", "(2006-)" or "(2006–2007)" at the end begins; the length when there is none.
static size_t find_year(const char *text, size_t n, int32_t *year)
{
    *year = REEL_YEAR_UNKNOWN;
    if (n < 6 || text[n - 1] != ')') {
        return n;
    }
    size_t begin = n - 1;
    while (begin > 0 && text[begin] != '(') {
        begin--;
    }
    int value;
    const char *p = text + begin;
    const char *end = *p == '(' ? take_digits(p + 1, 4, &value) : NULL;
    if (end != p + 5 || value < YEAR_MIN || value > YEAR_MAX) {
        return n;
    }
    while (*end &&
           (is_digit(*end) || *end == '-' || (signed char)*end < 0 || *end == ' ')) {
        end++;
    }
    if (end != text + n - 1) {
        return n;
    }
    *year = value;
    while (begin > 0 && is_blank(text[begin - 1])) {
        begin--;
    }
    return begin;
}

const char *catalog_title_split(struct base_arena *row, const char *text, int32_t *year)
{
    while (is_blank(*text)) {
        text++;
    }
    size_t n = strlen(text);
    while (n > 0 && is_blank(text[n - 1])) {
        n--;
    }
    n = find_year(text, n, year);
    return unsort(row, text, n);
}

// A name in brackets: without "a.k.a. "; NULL when it is a note such as "(V)" or "(TV)".
static const char *other_name(struct base_arena *row, const char *text, size_t n)
{
    static const char *const mark[] = {"a.k.a. ", "aka "};
    for (size_t i = 0; i < sizeof mark / sizeof mark[0]; i++) {
        const size_t m = strlen(mark[i]);
        if (n > m && strncasecmp(text, mark[i], m) == 0) {
            text += m;
            n -= m;
        }
    }
    return n > 2 ? unsort(row, text, n) : NULL;
}

// Does what stands before a bracket ask for it: nothing, or "... Or"?
static bool needs_bracket(const char *text, size_t n)
{
    return n == 0 || text[n - 1] == ':' ||
           (n > 3 && strncasecmp(text + n - 3, " or", 3) == 0);
}

bool catalog_title_names(struct base_arena *row, const char *text,
                         struct catalog_title *names)
{
    *names = (struct catalog_title){.title = NULL};
    size_t n = strlen(text);
    while (n > 0 && is_blank(text[n - 1])) {
        n--;
    }
    n = find_year(text, n, &names->year);
    while (n > 0 && text[n - 1] == ')' && names->n_others < 4) {
        size_t open = n - 1;
        while (open > 0 && text[open] != '(') {
            open--;
        }
        size_t before = open;
        while (before > 0 && is_blank(text[before - 1])) {
            before--;
        }
        if (text[open] != '(' || before == open || needs_bracket(text, before)) {
            break;
        }
        const char *name = other_name(row, text + open + 1, n - open - 2);
        if (name) {
            names->other[names->n_others++] = name;
        }
        n = before;
    }
    if (n == 0) {
        return true;
    }
    names->title = unsort(row, text, n);
    return names->title != NULL;
}
