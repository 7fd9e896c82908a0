/**
 * One film stays one film: which film a source means.
 *
 * 1. By id: (source, id), then imdb, tmdb, douban.
 * 2. Else by title key (any of its titles) and year within one. One film of the very year
 *    is enough, even beside another that is a year off.
 * 3. Else it is a new film. Where it may be an old one, but the year is missing or several
 *    fit, that is written down as doubtful and left to a person.
 *
 * Two ids of one source are two films, whatever their titles say. Ids that contradict each
 * other are doubtful and change nothing. A film that a source names by title alone gets a
 * name in the source 'title', so that the next import finds what this one decided.
 */
#include "base_alloc.h"
#include "base_error.h"
#include "db_import.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct name {
    const char *source, *id;
    int64_t film; /* that has this name now; 0 none */
};

struct names {
    struct name name[4]; /* the source's own first */
    int32_t n;
    char tmdb[24], by_title[600];
};

static void name_add(struct names *names, const char *source, const char *id)
{
    for (int32_t i = 0; i < names->n; i++) {
        if (strcmp(names->name[i].source, source) == 0) {
            return; // the source's own word for its id stands
        }
    }
    names->name[names->n++] = (struct name){.source = source, .id = id};
}

static bool has_text(const char *text)
{
    return text && *text;
}

static enum reel_status names_collect(struct reel_store *store,
                                      const struct reel_film_ref *ref,
                                      struct names *names, struct reel_error *err)
{
    names->n = 0;
    if (has_text(ref->source) && has_text(ref->id)) {
        name_add(names, ref->source, ref->id);
    }
    if (has_text(ref->imdb)) {
        name_add(names, "imdb", ref->imdb);
    }
    if (ref->tmdb > 0) {
        (void)snprintf(names->tmdb, sizeof names->tmdb, "%" PRId64, ref->tmdb);
        name_add(names, "tmdb", names->tmdb);
    }
    if (has_text(ref->douban)) {
        name_add(names, "douban", ref->douban);
    }
    if (names->n == 0) {
        const char *title_key;
        const enum reel_status rc = db_film_title_key(store, ref->title, &title_key, err);
        if (rc) {
            return rc;
        }
        (void)snprintf(names->by_title, sizeof names->by_title, "%s:%d:%s",
                       ref->source ? ref->source : "", (int)ref->year, title_key);
        name_add(names, "title", names->by_title);
    }
    for (int32_t i = 0; i < names->n; i++) {
        struct name *name = &names->name[i];
        const enum reel_status rc =
            db_sql_int(store, "SELECT film FROM film_ref WHERE source = ? AND id = ?",
                       &name->film, err, "tt", name->source, name->id);
        if (rc) {
            return rc;
        }
    }
    return REEL_OK;
}

// "Heat (1995)", or "film 12" when it has no title.
static void film_label(struct reel_store *store, int64_t film, char *label,
                       size_t n_label_bytes)
{
    sqlite3_stmt *stmt;
    bool is_row = false;
    (void)snprintf(label, n_label_bytes, "film %" PRId64, film);
    if (db_sql_query(store, "SELECT title, coalesce(year, 0) FROM film WHERE key = ?",
                     &stmt, NULL, "i", film) == REEL_OK &&
        db_sql_next(store, stmt, &is_row, NULL) == REEL_OK && is_row) {
        const char *title = db_sql_text(stmt, 0);
        if (title) {
            size_t n_bytes = strnlen(title, 100);
            while (n_bytes && (title[n_bytes] & 0xc0) == 0x80) {
                n_bytes--; // not in the middle of a character
            }
            char year[16];
            (void)snprintf(label, n_label_bytes, "film %" PRId64 " %.*s%s", film,
                           (int)n_bytes, title,
                           db_year_label(sqlite3_column_int(stmt, 1), year));
        }
        db_sql_leave(stmt);
    }
}

static enum reel_status doubt(struct reel_import *import, const struct reel_where *where,
                              int64_t film, int64_t other, const char *reason,
                              struct reel_error *err)
{
    char label[160], label_other[160], text[480];
    film_label(import->store, film, label, sizeof label);
    film_label(import->store, other, label_other, sizeof label_other);
    (void)snprintf(text, sizeof text, "%s may be %s: %s", label, label_other, reason);
    return db_import_doubt(import, where, film, other, text, err);
}

// ---- what speaks against two names being one film ----

static enum reel_status has_other_id(struct reel_store *store, int64_t film,
                                     const struct name *name, bool *has_other,
                                     struct reel_error *err)
{
    int64_t n = 0;
    const enum reel_status rc = db_sql_int(
        store,
        "SELECT count(*) FROM film_ref WHERE film = ? AND source = ? AND id <> ?"
        " AND source <> 'title'",
        &n, err, "itt", film, name->source, name->id);
    *has_other = n > 0;
    return rc;
}

static enum reel_status contradicts(struct reel_store *store, int64_t film,
                                    const struct names *names, bool *is_so,
                                    struct reel_error *err)
{
    enum reel_status rc = REEL_OK;
    *is_so = false;
    for (int32_t i = 0; rc == REEL_OK && i < names->n && !*is_so; i++) {
        rc = has_other_id(store, film, &names->name[i], is_so, err);
    }
    return rc;
}

// Two films of the store: no source gives them different ids, and when both have a year
// it is about the same or a title is.
static enum reel_status can_merge(struct reel_store *store, int64_t a, int64_t b,
                                  bool *can, struct reel_error *err)
{
    int64_t n_against = 0;
    enum reel_status rc = db_sql_int(
        store,
        "SELECT (SELECT count(*) FROM film_ref x, film_ref y WHERE x.film = ?1"
        "  AND y.film = ?2 AND x.source = y.source AND x.source <> 'title')"
        " + (SELECT count(*) FROM film x, film y WHERE x.key = ?1 AND y.key = ?2"
        "  AND abs(x.year - y.year) > 1 AND NOT EXISTS (SELECT 1 FROM film_title s,"
        "  film_title t WHERE s.film = ?1 AND t.film = ?2 AND s.title_key = "
        "t.title_key))",
        &n_against, err, "ii", a, b);
    *can = n_against == 0;
    return rc;
}

// ---- merging two films of the store ----

static enum reel_status rows_move(struct reel_store *store, int64_t low, int64_t high,
                                  struct reel_error *err)
{
    static const char *const sql[][2] = {
        {"UPDATE film_ref SET film = ?1 WHERE film = ?2", NULL},
        {"UPDATE OR IGNORE film_title SET film = ?1 WHERE film = ?2",
         "DELETE FROM film_title WHERE film = ?"},
        {"UPDATE OR IGNORE film_link SET film = ?1 WHERE film = ?2",
         "DELETE FROM film_link WHERE film = ?"},
        {"UPDATE OR IGNORE film_genre SET film = ?1 WHERE film = ?2",
         "DELETE FROM film_genre WHERE film = ?"},
        {"UPDATE OR IGNORE film_keyword SET film = ?1 WHERE film = ?2",
         "DELETE FROM film_keyword WHERE film = ?"},
        {"UPDATE OR IGNORE film_country SET film = ?1 WHERE film = ?2",
         "DELETE FROM film_country WHERE film = ?"},
        {"UPDATE OR IGNORE film_person SET film = ?1 WHERE film = ?2",
         "DELETE FROM film_person WHERE film = ?"},
        {"UPDATE OR IGNORE profile_forgotten SET film = ?1 WHERE film = ?2",
         "DELETE FROM profile_forgotten WHERE film = ?"},
        {"UPDATE film SET (source, source_id) = (SELECT h.source, h.source_id FROM film h"
         " WHERE h.key = ?2) WHERE key = ?1 AND source_id IS NULL",
         NULL},
        {"UPDATE film SET (title, title_original, year, language, runtime_min, "
         "age_rating,"
         " overview, tagline, popularity, vote_mean, n_votes, story) = (SELECT"
         " coalesce(film.title, h.title), coalesce(film.title_original, "
         "h.title_original),"
         " coalesce(film.year, h.year), coalesce(film.language, h.language),"
         " coalesce(film.runtime_min, h.runtime_min),"
         " coalesce(film.age_rating, h.age_rating), coalesce(film.overview, h.overview),"
         " coalesce(film.tagline, h.tagline), coalesce(film.popularity, h.popularity),"
         " coalesce(film.vote_mean, h.vote_mean), coalesce(film.n_votes, h.n_votes),"
         " coalesce(film.story, h.story)"
         " FROM film h WHERE h.key = ?2) WHERE key = ?1",
         "DELETE FROM film WHERE key = ?"},
    };
    enum reel_status rc = REEL_OK;
    for (size_t i = 0; rc == REEL_OK && i < sizeof sql / sizeof sql[0]; i++) {
        rc = db_sql_run(store, sql[i][0], err, "ii", low, high);
        if (rc == REEL_OK && sql[i][1]) {
            rc = db_sql_run(store, sql[i][1], err, "i", high);
        }
    }
    rc = rc ? rc
            : db_sql_run(store, "DELETE FROM doubtful_join WHERE film = ?1 OR other = ?1",
                         err, "i", high);
    return rc ? rc
              : db_sql_run(store, "DELETE FROM film_words WHERE rowid = ?", err, "i",
                           high);
}

static enum reel_status merge(struct reel_import *import, int64_t a, int64_t b,
                              struct reel_error *err)
{
    const int64_t low = a < b ? a : b, high = a < b ? b : a;
    if (!db_import_film(import, high)) {
        return fail(err, REEL_ENOMEM, "films of an import");
    }
    enum reel_status rc = rows_move(import->store, low, high, err);
    if (rc) {
        return rc;
    }
    struct db_film_state *from = &import->film[high], *to = &import->film[low];
    to->tally.n_events += from->tally.n_events;
    to->tally.n_ratings += from->tally.n_ratings;
    to->tally.n_watches += from->tally.n_watches;
    to->tally.n_likes += from->tally.n_likes;
    to->tally.sum_stars += from->tally.sum_stars;
    to->is_text_new = true;
    *from = (struct db_film_state){.merged_into = (int32_t)low};
    import->n_merged++;
    import->report.n_films_joined++;
    import->report.n_films_new -= high > import->film_key_max;
    return REEL_OK;
}

enum reel_status reel_store_import_same(struct reel_import *import, int64_t film,
                                        int64_t other, struct reel_error *err)
{
    int64_t n = 0;
    if (film == other) {
        return fail(err, REEL_EINVAL, "film %lld is one with itself", (long long)film);
    }
    const enum reel_status rc =
        db_sql_int(import->store, "SELECT count(*) FROM film WHERE key IN (?, ?)", &n,
                   err, "ii", film, other);
    if (rc == REEL_OK && n < 2) {
        return fail(err, REEL_ENOTFOUND, "no film with key %lld or %lld", (long long)film,
                    (long long)other);
    }
    return rc ? rc : merge(import, film, other, err);
}

static int compare_events(const void *a, const void *b)
{
    return db_event_compare(a, b);
}

// Let a history name the films that are left; doubles that arise are dropped and counted
// off. Returns how many events remain, or -1 when there was nothing to do.
static int32_t events_move(struct reel_import *import, struct db_event *event, int32_t n)
{
    bool is_moved = false;
    for (int32_t i = 0; i < n; i++) {
        const int32_t now = (int32_t)db_import_film_now(import, event[i].film);
        is_moved |= now != event[i].film;
        event[i].film = now;
    }
    if (!is_moved) {
        return -1;
    }
    qsort(event, (size_t)n, sizeof *event, compare_events);
    int32_t n_left = 0;
    for (int32_t i = 0; i < n; i++) {
        if (i + 1 < n && db_event_compare(&event[i], &event[i + 1]) == 0) {
            db_tally_add(&import->film[event[i].film].tally, db_event_kind(event[i].when),
                         (double)event[i].value, -1);
        } else {
            event[n_left++] = event[i];
        }
    }
    return n_left;
}

// One pass over all histories for all merged films: events have no index by film.
static enum reel_status histories_move(struct reel_import *import, struct reel_error *err)
{
    struct reel_store *store = import->store;
    struct db_event *event = NULL;
    int32_t n = 0, n_room = 0;
    int64_t viewer = 0;
    enum reel_status rc = REEL_OK;
    while (rc == REEL_OK) {
        rc = db_event_next_history(store, &viewer, &event, &n, &n_room, err);
        if (rc || viewer == 0) {
            break;
        }
        const int32_t n_left = events_move(import, event, n);
        if (n_left >= 0) {
            rc = db_event_replace(store, viewer, event, n_left, err);
        }
    }
    base_free(event);
    return rc;
}

enum reel_status db_join_finish(struct reel_import *import, struct reel_error *err)
{
    struct reel_store *store = import->store;
    if (import->n_merged == 0) {
        return REEL_OK;
    }
    enum reel_status rc = db_sql_exec(
        store,
        "CREATE TEMP TABLE IF NOT EXISTS merged (high INTEGER PRIMARY KEY, low INTEGER);"
        "DELETE FROM temp.merged",
        err);
    for (int32_t key = 1; rc == REEL_OK && key < import->n_films; key++) {
        if (import->film[key].merged_into) {
            rc = db_sql_run(store, "INSERT INTO temp.merged VALUES (?, ?)", err, "ii",
                            (int64_t)key, db_import_film_now(import, key));
        }
    }
    rc = rc ? rc : histories_move(import, err);
    return rc ? rc
              : db_sql_exec(
                    store,
                    "UPDATE OR IGNORE note SET film ="
                    " (SELECT low FROM temp.merged WHERE high = film)"
                    " WHERE film IN (SELECT high FROM temp.merged);"
                    "DELETE FROM note WHERE film IN (SELECT high FROM temp.merged);"
                    "UPDATE OR IGNORE situation SET film ="
                    " (SELECT low FROM temp.merged WHERE high = film)"
                    " WHERE film IN (SELECT high FROM temp.merged);"
                    "DELETE FROM situation WHERE film IN (SELECT high FROM temp.merged);"
                    "UPDATE shown_item SET item ="
                    " (SELECT low FROM temp.merged WHERE high = item)"
                    " WHERE item IN (SELECT high FROM temp.merged)"
                    " AND (SELECT kind FROM shown WHERE key = shown) = 1;"
                    "UPDATE shown SET taken ="
                    " (SELECT low FROM temp.merged WHERE high = taken)"
                    " WHERE kind = 1 AND taken IN (SELECT high FROM temp.merged);"
                    "INSERT INTO film_count SELECT low, sum(n_events), sum(n_ratings),"
                    "  sum(n_watches), sum(n_likes), sum(sum_stars)"
                    "  FROM film_count JOIN temp.merged ON high = film GROUP BY low"
                    " ON CONFLICT DO UPDATE SET n_events = n_events + excluded.n_events,"
                    "  n_ratings = n_ratings + excluded.n_ratings,"
                    "  n_watches = n_watches + excluded.n_watches,"
                    "  n_likes = n_likes + excluded.n_likes,"
                    "  sum_stars = sum_stars + excluded.sum_stars;"
                    "DELETE FROM film_count WHERE film IN (SELECT high FROM temp.merged);"
                    "DELETE FROM temp.merged",
                    err);
}

// ---- by title ----

struct candidates {
    int64_t same_year, near_year; /* the first of each kind */
    int32_t n_same, n_near;
    int64_t open[16]; /* year unknown on one side */
    int32_t n_open;
};

static enum reel_status candidates_add(struct reel_store *store, int64_t self,
                                       const char *title, int32_t year,
                                       const struct names *names,
                                       struct candidates *found, struct reel_error *err)
{
    struct {
        int64_t film;
        int32_t year;
    } fit[64];
    int32_t n = 0;
    const char *title_key;
    if (!has_text(title)) {
        return REEL_OK;
    }
    sqlite3_stmt *stmt;
    enum reel_status rc = db_film_title_key(store, title, &title_key, err);
    // Another film of the same source is another film: kept out here, there may be many.
    rc = rc ? rc
            : db_sql_query(store,
                           "SELECT DISTINCT t.film, coalesce(f.year, 0)"
                           " FROM film_title t JOIN film f ON f.key = t.film"
                           " WHERE t.title_key = ?1 AND f.key <> ?2"
                           "  AND (f.year IS NULL OR ?3 IS NULL OR abs(f.year - ?3) <= 1)"
                           "  AND NOT EXISTS (SELECT 1 FROM film_ref r WHERE"
                           "   r.film = t.film AND r.source = ?4 AND ?4 <> 'title')"
                           " LIMIT 64",
                           &stmt, err, "tizt", title_key, self, (int64_t)year,
                           names->name[0].source);
    bool is_row = false;
    rc = rc ? rc : db_sql_next(store, stmt, &is_row, err);
    while (rc == REEL_OK && is_row) {
        fit[n].film = sqlite3_column_int64(stmt, 0);
        fit[n++].year = sqlite3_column_int(stmt, 1);
        rc = db_sql_next(store, stmt, &is_row, err);
    }
    for (int32_t i = 0; rc == REEL_OK && i < n; i++) {
        bool is_other;
        rc = contradicts(store, fit[i].film, names, &is_other, err);
        if (rc || is_other) {
            continue;
        }
        if (!year || !fit[i].year) {
            bool is_known = false;
            for (int32_t k = 0; k < found->n_open; k++) {
                is_known |= found->open[k] == fit[i].film;
            }
            if (!is_known && found->n_open < 16) {
                found->open[found->n_open++] = fit[i].film;
            }
        } else if (fit[i].year == year) {
            found->n_same += found->same_year != fit[i].film;
            found->same_year = found->same_year ? found->same_year : fit[i].film;
        } else {
            found->n_near += found->near_year != fit[i].film;
            found->near_year = found->near_year ? found->near_year : fit[i].film;
        }
    }
    return rc;
}

static enum reel_status candidates_find(struct reel_store *store, int64_t self,
                                        const struct reel_film_ref *ref,
                                        const struct reel_film *film,
                                        const struct names *names,
                                        struct candidates *found, struct reel_error *err)
{
    *found = (struct candidates){0};
    enum reel_status rc =
        candidates_add(store, self, ref->title, ref->year, names, found, err);
    if (film) {
        rc = rc ? rc
                : candidates_add(store, self, film->title_original, ref->year, names,
                                 found, err);
        for (int32_t i = 0; rc == REEL_OK && i < film->n_titles; i++) {
            rc = candidates_add(store, self, film->titles[i].text, ref->year, names,
                                found, err);
        }
    }
    return rc;
}

// The one film that fits by title and year, or 0.
static int64_t candidates_best(const struct candidates *found)
{
    if (found->n_same) {
        return found->n_same == 1 ? found->same_year : 0;
    }
    return found->n_near == 1 ? found->near_year : 0;
}

static enum reel_status candidates_doubt(struct reel_import *import,
                                         const struct reel_where *where, int64_t film,
                                         const struct candidates *found,
                                         struct reel_error *err)
{
    if (found->n_same > 1) {
        return doubt(import, where, film, found->same_year,
                     "several films have this title and year", err);
    }
    if (found->n_near > 1) {
        return doubt(import, where, film, found->near_year,
                     "several films have this title and nearly this year", err);
    }
    enum reel_status rc = REEL_OK;
    for (int32_t i = 0; rc == REEL_OK && i < found->n_open; i++) {
        rc = doubt(import, where, film, found->open[i], "same title, a year is missing",
                   err);
    }
    return rc;
}

// ---- the decision ----

// By id. 0: none. Two films that are one by these ids are merged when nothing speaks
// against it.
static enum reel_status by_id(struct reel_import *import, struct names *names,
                              const struct reel_where *where, int64_t *key,
                              int64_t *rejected, struct reel_error *err)
{
    enum reel_status rc = REEL_OK;
    *key = *rejected = 0;
    for (int32_t i = 0; rc == REEL_OK && i < names->n; i++) {
        const int64_t film = db_import_film_now(import, names->name[i].film);
        bool is_other = false;
        if (!film || film == *key) {
            continue;
        }
        if (*key == 0) {
            rc = names->name[0].film
                     ? REEL_OK
                     : has_other_id(import->store, film, &names->name[0], &is_other, err);
            *key = is_other ? 0 : film;
            *rejected = is_other ? film : *rejected;
            continue;
        }
        bool can = false;
        rc = can_merge(import->store, *key, film, &can, err);
        if (rc == REEL_OK && can) {
            rc = merge(import, *key, film, err);
            *key = film < *key ? film : *key;
        } else if (rc == REEL_OK) {
            rc = doubt(import, where, *key, film, "their ids contradict each other", err);
        }
    }
    return rc;
}

static enum reel_status film_create(struct reel_import *import,
                                    const struct reel_film_ref *ref, int64_t *key,
                                    struct reel_error *err)
{
    struct reel_store *store = import->store;
    const enum reel_status rc =
        db_sql_run(store, "INSERT INTO film(source, source_id) VALUES (?, ?)", err, "tt",
                   ref->source, ref->id);
    if (rc) {
        return rc;
    }
    *key = sqlite3_last_insert_rowid(store->sql);
    if (*key >= INT32_MAX || !db_import_film(import, *key)) {
        return fail(err, REEL_ENOMEM, "film %" PRId64, *key);
    }
    import->report.n_films_new++;
    return REEL_OK;
}

// Give the film the names that nobody has yet.
static enum reel_status names_attach(struct reel_import *import,
                                     const struct names *names,
                                     const struct reel_where *where, int64_t key,
                                     bool *is_changed, struct reel_error *err)
{
    struct reel_store *store = import->store;
    enum reel_status rc = REEL_OK;
    for (int32_t i = 0; rc == REEL_OK && i < names->n; i++) {
        const struct name *name = &names->name[i];
        bool has_other = false;
        if (name->film) {
            continue;
        }
        rc = has_other_id(store, key, name, &has_other, err);
        if (rc == REEL_OK && has_other) {
            char label[160], text[320];
            film_label(store, key, label, sizeof label);
            (void)snprintf(text, sizeof text, "%s: %.60s:%.60s contradicts the id it has",
                           label, name->source, name->id);
            rc = db_import_doubt(import, where, key, key, text, err);
            continue;
        }
        rc = rc ? rc
                : db_sql_run(store, "INSERT INTO film_ref VALUES (?, ?, ?)", err, "tti",
                             name->source, name->id, key);
        *is_changed = true;
    }
    // Until now it was named by title or by another site's id alone.
    const struct name *own = &names->name[0];
    if (rc == REEL_OK && !own->film && strcmp(own->source, "title") != 0) {
        rc = db_sql_run(store,
                        "UPDATE film SET source = ?, source_id = ?"
                        " WHERE key = ? AND source_id IS NULL",
                        err, "tti", own->source, own->id, key);
    }
    return rc;
}

// A film that was known by id alone has got its title: perhaps it is here already.
static enum reel_status join_late(struct reel_import *import,
                                  const struct reel_film_ref *ref,
                                  const struct reel_film *film, const struct names *names,
                                  const struct reel_where *where, int64_t *key,
                                  struct reel_error *err)
{
    struct candidates found;
    bool can = false;
    enum reel_status rc =
        candidates_find(import->store, *key, ref, film, names, &found, err);
    const int64_t best = rc ? 0 : candidates_best(&found);
    if (best) {
        rc = can_merge(import->store, *key, best, &can, err);
    }
    if (rc == REEL_OK && can) {
        rc = merge(import, *key, best, err);
        *key = best < *key ? best : *key;
        return rc;
    }
    return rc ? rc : candidates_doubt(import, where, *key, &found, err);
}

enum reel_status db_join_film(struct reel_import *import, const struct reel_film_ref *ref,
                              const struct reel_film *film,
                              const struct reel_where *where, int64_t *key,
                              bool *is_changed, struct reel_error *err)
{
    struct reel_store *store = import->store;
    struct names names;
    struct candidates found = {0};
    int64_t rejected = 0;
    enum reel_status rc = names_collect(store, ref, &names, err);
    rc = rc ? rc : by_id(import, &names, where, key, &rejected, err);
    if (rc) {
        return rc;
    }
    const bool is_by_id = *key != 0;
    if (!is_by_id && !rejected && has_text(ref->title)) {
        rc = candidates_find(store, 0, ref, film, &names, &found, err);
        *key = rc ? 0 : candidates_best(&found);
    }
    const bool is_new = *key == 0;
    if (rc == REEL_OK && is_new) {
        rc = film_create(import, ref, key, err);
    } else if (rc == REEL_OK && !names.name[0].film) {
        import->report.n_films_joined++;
    }
    *is_changed |= is_new;
    rc = rc ? rc : names_attach(import, &names, where, *key, is_changed, err);
    int64_t had_title = 1;
    if (rc == REEL_OK && is_by_id && has_text(ref->title)) {
        rc = db_sql_int(store, "SELECT title IS NOT NULL FROM film WHERE key = ?",
                        &had_title, err, "i", *key);
    }
    const struct reel_film bare = {.ref = *ref, .popularity = NAN, .vote_mean = NAN};
    rc = rc ? rc : db_film_write(import, *key, film ? film : &bare, is_changed, err);
    if (rc == REEL_OK && is_new) {
        rc = rejected ? doubt(import, where, *key, rejected,
                              "the same id elsewhere, two ids of one source", err)
                      : candidates_doubt(import, where, *key, &found, err);
    }
    if (rc == REEL_OK && !had_title) {
        rc = join_late(import, ref, film, &names, where, key, err);
    }
    return rc;
}
