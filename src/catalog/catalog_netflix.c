/**
 * `netflix`: what Netflix gives its members; a zip, a folder, or one of the files.
 *
 *   NetflixViewingHistory.csv   Title,Date             a watch; the viewer must be named
 *   ViewingActivity.csv         Profile Name,...       a watch of two minutes or more
 *   Ratings.csv                 Profile Name,...       thumbs: a like or a dislike; or stars
 *
 * A film is known by its title alone, which is also its id. Episodes are told by a part of
 * the title such as "Season 2" or "第 1 季"; they are left out, with trailers, and counted
 * in one line. How much of a film was watched is not known, since its length is not.
 *
 * Whose rows: with several profiles in a file, options.viewer picks the profile of that
 * name; with one profile it renames it; without a viewer every profile is one.
 *
 * Dates of the history are written as in the account's country. The order of day, month and
 * year is decided from the whole file: the order under which the most dates exist, then the
 * one that best keeps newest first. If two still fit, '.' and '-' mean day first, '/' month
 * first, and one line says so.
 */
#include "catalog_read.h"

#include "base_clock.h"

#include <string.h>
#include <strings.h>

enum { DAY_S = 86400, PLAY_MIN_S = 120, PROFILES_MAX = 16, PROFILE_BYTES = 128 };

struct netflix {
    struct catalog_reader *r;
    struct catalog_csv csv;
    int64_t n_episodes, n_short, n_other; /* left out: see say_left_out */
};

// ---- titles ----

static bool begins_season(const char *part, bool has_more)
{
    // The second group are words of films too, unless an episode follows.
    static const char *const word[] = {"Season ",    "Series ",   "Staffel ", "Saison ",
                                       "Temporada ", "Stagione ", "Sezon ",   "Seizoen ",
                                       "Säsong ",    "Sæson ",    "Sesong ",  "Kausi ",
                                       "シーズン",   "시즌",      "第"};
    static const char *const maybe[] = {"Part ",       "Volume ", "Book ",   "Chapter ",
                                        "Collection ", "Teil ",   "Partie ", "Parte "};
    static const char *const whole[] = {"Limited Series", "Miniseries", "Miniserie",
                                        "Mini-Series",    "限定剧",     "迷你剧"};
    for (size_t i = 0; i < sizeof whole / sizeof whole[0]; i++) {
        if (strncasecmp(part, whole[i], strlen(whole[i])) == 0) {
            return true;
        }
    }
    const size_t n_words = sizeof word / sizeof word[0];
    const size_t n_all = n_words + (has_more ? sizeof maybe / sizeof maybe[0] : 0);
    for (size_t i = 0; i < n_all; i++) {
        const char *w = i < n_words ? word[i] : maybe[i - n_words];
        const char *rest = part + strlen(w);
        if (strncasecmp(part, w, strlen(w)) != 0) {
            continue;
        }
        rest += strspn(rest, " ");
        const size_t n = strspn(rest, "0123456789");
        if (strcmp(w, "第") != 0) {
            return n > 0;
        }
        return strstr(rest, "季") || strstr(rest, "集"); // "第 1 季", "第一季"
    }
    return false;
}

static bool is_episode(const char *title)
{
    for (const char *p = title; (p = strchr(p, ':'));) {
        p++;
        p += strspn(p, " ");
        if (begins_season(p, strchr(p, ':') != NULL)) {
            return true;
        }
    }
    const char *full_width = title; // "标题：第 1 季：第 2 集"
    while ((full_width = strstr(full_width, "：第"))) {
        full_width += strlen("：");
        if (strstr(full_width, "季") || strstr(full_width, "集")) {
            return true;
        }
    }
    return false;
}

static struct reel_event blank_event(const char *viewer, const char *title)
{
    struct reel_event event = catalog_event_blank();
    event.viewer = viewer;
    event.film = (struct reel_film_ref){.source = "netflix", .id = title, .title = title};
    return event;
}

static enum reel_status say_left_out(struct netflix *n, struct reel_error *err)
{
    if (n->n_episodes + n->n_short + n->n_other == 0) {
        return REEL_OK;
    }
    n->r->where.line = 0;
    return catalog_refuse(
        n->r, err,
        "left out: %lld episodes of series, %lld plays under two minutes, "
        "%lld trailers",
        (long long)n->n_episodes, (long long)n->n_short, (long long)n->n_other);
}

// ---- dates as people write them ----

enum order { ORDER_DMY, ORDER_MDY, ORDER_YMD, N_ORDERS };

struct dates {
    enum order order;
    bool is_doubtful;
};

// Three numbers with one kind of mark between them ("24.01.23"); ' ' is the mark of Korean
// dates, which begin with the year ("23. 1. 24.").
static bool parse_numbers(const char *text, int number[3], char *mark)
{
    const char *p = text;
    for (int i = 0; i < 3; i++) {
        p += strspn(p, " ");
        const size_t n = strspn(p, "0123456789");
        if (n == 0 || n > 4) {
            return false;
        }
        number[i] = 0;
        for (size_t j = 0; j < n; j++) {
            number[i] = 10 * number[i] + (p[j] - '0');
        }
        p += n;
        if (i < 2) {
            const char here = *p == '.' && p[1] == ' ' ? ' ' : *p;
            if (!*p || !strchr("./-", *p) || (i == 1 && here != *mark)) {
                return false;
            }
            *mark = here;
            p++;
        }
    }
    p += *p == '.';
    return *p == '\0';
}

static bool date_by_order(const int number[3], char mark, enum order order, int64_t now_s,
                          int64_t *at_s)
{
    enum { FIRST_YEAR = 2007 }; // of Netflix on a screen
    static const int place[N_ORDERS][3] = {
        [ORDER_DMY] = {2, 1, 0}, [ORDER_MDY] = {2, 0, 1}, [ORDER_YMD] = {0, 1, 2}};
    const int *of = place[order]; // where year, month and day stand
    const int year = number[of[0]] < 100 ? 2000 + number[of[0]] : number[of[0]];
    int64_t days;
    if (order == ORDER_YMD && number[0] < 100 && mark != ' ') {
        return false; // nobody writes "23/1/24" and means a year first
    }
    if (year < FIRST_YEAR ||
        !base_date_to_days(year, number[of[1]], number[of[2]], &days)) {
        return false;
    }
    *at_s = days * DAY_S;
    return *at_s <= now_s + 2 * DAY_S;
}

// First pass over a history.
static enum reel_status decide_dates(struct netflix *n, int32_t col_date,
                                     struct dates *dates, struct reel_error *err)
{
    int64_t n_wrong[N_ORDERS] = {0}, n_risen[N_ORDERS] = {0}, before[N_ORDERS];
    bool differs[N_ORDERS] = {false}, is_row;
    char mark = '/';
    for (int i = 0; i < N_ORDERS; i++) {
        before[i] = INT64_MAX;
    }
    enum reel_status rc;
    while ((rc = catalog_csv_next(&n->csv, &is_row, err)) == REEL_OK && is_row) {
        int number[3];
        int64_t at, at_first = INT64_MIN;
        if (!parse_numbers(catalog_csv_field(&n->csv, col_date), number, &mark)) {
            continue;
        }
        for (int i = 0; i < N_ORDERS; i++) {
            if (!date_by_order(number, mark, (enum order)i, n->r->now_s, &at)) {
                n_wrong[i]++;
                continue;
            }
            n_risen[i] += at > before[i];
            before[i] = at;
            at_first = at_first == INT64_MIN ? at : at_first;
            differs[i] = differs[i] || at != at_first;
        }
    }
    const enum order usual = mark == '/'   ? ORDER_MDY
                             : mark == ' ' ? ORDER_YMD
                                           : ORDER_DMY;
    dates->order = usual;
    for (int i = 0; i < N_ORDERS; i++) {
        const enum order best = dates->order;
        if (n_wrong[i] < n_wrong[best] ||
            (n_wrong[i] == n_wrong[best] && n_risen[i] < n_risen[best])) {
            dates->order = (enum order)i;
        }
    }
    dates->is_doubtful = false;
    for (int i = 0; i < N_ORDERS; i++) {
        const enum order best = dates->order;
        dates->is_doubtful |= i != (int)best && n_wrong[i] == n_wrong[best] &&
                              n_risen[i] == n_risen[best] &&
                              (differs[i] || differs[best]);
    }
    return rc;
}

// ---- NetflixViewingHistory.csv ----

static enum reel_status emit_history(struct netflix *n, const char *title,
                                     const char *date, const struct dates *dates,
                                     struct reel_error *err)
{
    struct reel_event event = blank_event(n->r->opt->viewer, title);
    int number[3];
    char mark = '\0';
    if (!*title) {
        return catalog_refuse(n->r, err, "no title");
    }
    if (*date && (!parse_numbers(date, number, &mark) ||
                  !date_by_order(number, mark, dates->order, n->r->now_s, &event.at_s))) {
        return catalog_refuse(n->r, err, "not a date, \"%s\"", date);
    }
    event.kind = REEL_EVENT_WATCH;
    return catalog_event(n->r, &event, err);
}

static enum reel_status read_history(struct netflix *n, struct reel_error *err)
{
    static const char *const order_name[] = {"day/month/year", "month/day/year",
                                             "year/month/day"};
    const int32_t col_title = catalog_csv_column(&n->csv, "Title");
    const int32_t col_date = catalog_csv_column(&n->csv, "Date");
    struct dates dates;
    bool is_row;
    if (!n->r->opt->viewer || !n->r->opt->viewer[0]) {
        return fail(err, REEL_EINVAL, "%s: whose history is it? name the viewer",
                    n->r->where.file);
    }
    enum reel_status rc = decide_dates(n, col_date, &dates, err);
    rc = rc ? rc : catalog_input_rewind(n->csv.in, err);
    rc = rc ? rc : catalog_csv_next(&n->csv, &is_row, err); // the header again
    if (rc == REEL_OK && dates.is_doubtful) {
        n->r->where.line = 0;
        rc = catalog_refuse(n->r, err, "dates fit several orders; they are read as %s",
                            order_name[dates.order]);
    }
    while (rc == REEL_OK && (rc = catalog_csv_next(&n->csv, &is_row, err)) == REEL_OK &&
           is_row) {
        const char *title = catalog_trim(catalog_csv_field(&n->csv, col_title));
        n->r->where = catalog_input_where(n->csv.in);
        if (is_episode(title)) {
            n->n_episodes++;
        } else {
            rc =
                emit_history(n, title, catalog_csv_field(&n->csv, col_date), &dates, err);
        }
    }
    return rc ? rc : say_left_out(n, err);
}

// ---- files with profiles ----

struct profiles {
    char name[PROFILES_MAX][PROFILE_BYTES];
    int32_t n;
    bool is_renamed;   /* there is one, and the viewer has another name */
    const char *alone; /* only this one counts; NULL all */
};

static bool has_profile(const struct profiles *profiles, const char *name)
{
    for (int32_t i = 0; i < profiles->n; i++) {
        if (strcasecmp(profiles->name[i], name) == 0) {
            return true;
        }
    }
    return false;
}

// First pass over activity or ratings.
static enum reel_status decide_profiles(struct netflix *n, int32_t col_profile,
                                        struct profiles *profiles, struct reel_error *err)
{
    const char *viewer = n->r->opt->viewer;
    bool is_row;
    enum reel_status rc;
    *profiles = (struct profiles){.n = 0};
    if (!viewer || !*viewer) {
        return REEL_OK;
    }
    while ((rc = catalog_csv_next(&n->csv, &is_row, err)) == REEL_OK && is_row) {
        const char *name = catalog_csv_field(&n->csv, col_profile);
        if (profiles->n < PROFILES_MAX && strlen(name) < PROFILE_BYTES &&
            !has_profile(profiles, name)) {
            (void)snprintf(profiles->name[profiles->n++], PROFILE_BYTES, "%s", name);
        }
    }
    if (rc != REEL_OK) {
        return rc;
    }
    if (has_profile(profiles, viewer)) {
        profiles->alone = viewer;
    } else if (profiles->n > 1) {
        char known[300] = "";
        for (int32_t i = 0; i < profiles->n; i++) {
            const size_t m = strlen(known);
            (void)snprintf(known + m, sizeof known - m, "%s%s", i ? ", " : "",
                           profiles->name[i]);
        }
        return fail(err, REEL_EINVAL,
                    "%s: no profile \"%s\"; name one of %s, or no viewer for all",
                    n->r->where.file, viewer, known);
    }
    profiles->is_renamed = true;
    rc = catalog_input_rewind(n->csv.in, err);
    return rc ? rc : catalog_csv_next(&n->csv, &is_row, err);
}

// "1:23:45" in seconds; -1 when it is not one.
static int64_t parse_duration(const char *text)
{
    int64_t total = 0;
    for (int i = 0; i < 3; i++) {
        const size_t digits = strspn(text, "0123456789");
        if (digits == 0 || digits > 4 || text[digits] != (i < 2 ? ':' : '\0')) {
            return -1;
        }
        int64_t part = 0;
        for (size_t j = 0; j < digits; j++) {
            part = 10 * part + (text[j] - '0');
        }
        total = 60 * total + part;
        text += digits + 1;
    }
    return total;
}

static enum reel_status take_activity(struct netflix *n, const char *viewer,
                                      const char *title, struct reel_error *err)
{
    const struct catalog_csv *csv = &n->csv;
    const char *at = catalog_csv_field(csv, catalog_csv_column(csv, "Start Time"));
    const char *text = catalog_csv_field(csv, catalog_csv_column(csv, "Duration"));
    const char *supplement =
        catalog_csv_field(csv, catalog_csv_column(csv, "Supplemental Video Type"));
    const int64_t duration_s = parse_duration(text);
    if (*supplement) {
        n->n_other++;
        return REEL_OK;
    }
    if (duration_s < 0 && *text) {
        return catalog_refuse(n->r, err, "not a duration, \"%s\"", text);
    }
    if (*text && duration_s < PLAY_MIN_S) {
        n->n_short++;
        return REEL_OK;
    }
    struct reel_event event = blank_event(viewer, title);
    const char *reason = catalog_read_time(n->r, at, &event.at_s);
    if (reason) {
        return catalog_refuse(n->r, err, "%s, \"%s\"", reason, at);
    }
    event.kind = REEL_EVENT_WATCH;
    return catalog_event(n->r, &event, err);
}

static enum reel_status take_rating(struct netflix *n, const char *viewer,
                                    const char *title, struct reel_error *err)
{
    const struct catalog_csv *csv = &n->csv;
    const char *thumbs = catalog_csv_field(csv, catalog_csv_column(csv, "Thumbs Value"));
    const char *stars = catalog_csv_field(csv, catalog_csv_column(csv, "Star Value"));
    const char *at = catalog_csv_field(csv, catalog_csv_column(csv, "Event Utc Ts"));
    struct reel_event event = blank_event(viewer, title);
    double value = 0;
    const char *reason = catalog_read_time(n->r, at, &event.at_s);
    if (reason) {
        return catalog_refuse(n->r, err, "%s, \"%s\"", reason, at);
    }
    if (*thumbs && (!catalog_parse_decimal(thumbs, &value) || value < 0 || value > 3)) {
        return catalog_refuse(n->r, err, "not thumbs, \"%s\"", thumbs);
    }
    if (value >= 1) { // 0 none, 1 down, 2 up, 3 two up
        event.kind = value >= 2 ? REEL_EVENT_LIKE : REEL_EVENT_DISLIKE;
        return catalog_event(n->r, &event, err);
    }
    if (!*stars || (catalog_parse_decimal(stars, &value) && value == 0)) {
        return REEL_OK; // a rating taken back
    }
    reason = catalog_read_stars(stars, 5, &event.value);
    if (reason) {
        return catalog_refuse(n->r, err, "%s, \"%s\"", reason, stars);
    }
    event.kind = REEL_EVENT_RATE;
    return catalog_event(n->r, &event, err);
}

static enum reel_status read_profiles(struct netflix *n, int32_t col_title,
                                      bool is_activity, struct reel_error *err)
{
    const int32_t col_profile = catalog_csv_column(&n->csv, "Profile Name");
    struct profiles profiles;
    bool is_row;
    enum reel_status rc = decide_profiles(n, col_profile, &profiles, err);
    while (rc == REEL_OK && (rc = catalog_csv_next(&n->csv, &is_row, err)) == REEL_OK &&
           is_row) {
        const char *profile = catalog_csv_field(&n->csv, col_profile);
        const char *title = catalog_trim(catalog_csv_field(&n->csv, col_title));
        n->r->where = catalog_input_where(n->csv.in);
        if (profiles.alone && strcasecmp(profile, profiles.alone) != 0) {
            continue;
        }
        const char *viewer = profiles.is_renamed ? n->r->opt->viewer : profile;
        if (!*title || !*viewer) {
            rc = catalog_refuse(n->r, err, "no title or no profile");
        } else if (is_episode(title)) {
            n->n_episodes++;
        } else {
            rc = is_activity ? take_activity(n, viewer, title, err)
                             : take_rating(n, viewer, title, err);
        }
    }
    return rc ? rc : say_left_out(n, err);
}

// ---- which file ----

static enum reel_status read_by_columns(struct netflix *n, struct reel_error *err)
{
    const struct catalog_csv *csv = &n->csv;
    const int32_t col_title = catalog_csv_column(csv, "Title");
    const bool has_profile_name = catalog_csv_column(csv, "Profile Name") >= 0;
    if (has_profile_name && catalog_csv_column(csv, "Thumbs Value") >= 0) {
        return read_profiles(n, catalog_csv_column(csv, "Title Name"), false, err);
    }
    if (has_profile_name && col_title >= 0) {
        return read_profiles(n, col_title, true, err);
    }
    if (col_title >= 0 && catalog_csv_column(csv, "Date") >= 0) {
        return read_history(n, err);
    }
    return catalog_fail(n->r, err, "columns are those of no known file of Netflix");
}

static enum reel_status read_member(struct catalog_reader *r, int32_t i_member,
                                    struct reel_error *err)
{
    struct netflix n = {.r = r};
    struct catalog_input *in;
    enum reel_status rc = catalog_input_open(r->source, i_member, &in, err);
    if (rc != REEL_OK) {
        return rc;
    }
    rc = catalog_csv_init(&n.csv, in, ',', err);
    r->where = catalog_input_where(in);
    rc = rc ? rc : read_by_columns(&n, err);
    catalog_csv_release(&n.csv);
    catalog_input_close(in);
    return rc;
}

enum reel_status catalog_netflix_read(struct catalog_reader *r, struct reel_error *err)
{
    static const char *const known[] = {"NetflixViewingHistory*.csv",
                                        "ViewingActivity*.csv", "Ratings.csv"};
    if (catalog_source_is_file(r->source)) {
        return read_member(r, 0, err);
    }
    enum reel_status rc = REEL_OK;
    int n_read = 0;
    for (size_t i = 0; rc == REEL_OK && i < sizeof known / sizeof known[0]; i++) {
        const int32_t m = catalog_source_find(r->source, known[i], 0);
        if (m >= 0) {
            rc = read_member(r, m, err);
            n_read++;
        }
    }
    if (rc == REEL_OK && n_read == 0) {
        return fail(
            err, REEL_EFORMAT,
            "%s: no NetflixViewingHistory.csv, ViewingActivity.csv or Ratings.csv",
            catalog_source_path(r->source));
    }
    return rc;
}
