/**
 * Finding films: full text for lists, and the one film that a text names.
 *
 * Query and index are cut by the same base_text_words. In the index every Chinese word is
 * followed by its characters, so a part of a word is asked for by characters: 卧虎 becomes
 * ("卧虎" OR ("卧" AND "虎")). The last word of a query may be unfinished: "ame"*.
 */
#include "base_alloc.h"
#include "base_arena.h"
#include "base_error.h"
#include "db_sql.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

// ---- the query ----

// One word of the query, with what its characters allow. False when out of memory.
static bool term_add(struct base_buffer *query, const char *word, size_t n_word_bytes,
                     const char *parts, bool is_last)
{
    const char *glue = query->n_bytes ? " AND " : "";
    const int n = (int)n_word_bytes;
    if (!*parts) {
        return base_buffer_print(query, "%s\"%.*s\"%s", glue, n, word,
                                 is_last ? " *" : "");
    }
    bool is_ok = base_buffer_print(query, "%s(\"%.*s\" OR (", glue, n, word);
    for (bool is_first = true; is_ok && *parts; is_first = false) {
        const size_t n_bytes = strcspn(parts, " ");
        is_ok = base_buffer_print(query, "%s\"%.*s\"", is_first ? "" : " AND ",
                                  (int)n_bytes, parts);
        parts += n_bytes;
        parts += strspn(parts, " ");
    }
    return is_ok && base_buffer_add_text(query, "))");
}

// FTS5's language from what a person typed; empty when there is no word in it.
static enum reel_status query_make(struct reel_store *store, const char *text,
                                   struct base_buffer *query, struct reel_error *err)
{
    struct base_buffer words, parts;
    base_buffer_init(&words, (size_t)1 << 20);
    base_buffer_init(&parts, (size_t)1 << 20);
    enum reel_status rc =
        base_text_words(store->text, text, strlen(text), false, &words, err);
    const char *word = base_buffer_text(&words);
    while (rc == REEL_OK && *word) {
        const size_t n_bytes = strcspn(word, " ");
        const char *next = word + n_bytes + strspn(word + n_bytes, " ");
        base_buffer_clear(&parts);
        rc = base_text_words(store->text, word, n_bytes, true, &parts, err);
        // The word itself comes first, then its characters if there are several.
        const char *first = base_buffer_text(&parts);
        const char *rest = first + strcspn(first, " ");
        rest += strspn(rest, " ");
        if (rc == REEL_OK && !term_add(query, word, n_bytes, rest, !*next)) {
            rc = fail(err, REEL_ENOMEM, "a query of %zu bytes", strlen(text));
        }
        word = next;
    }
    base_buffer_release(&words);
    base_buffer_release(&parts);
    return rc;
}

// ---- the list ----

struct hits {
    struct base_arena arena;
    struct reel_film_hit *hit;
};

static const char *keep(struct base_arena *arena, sqlite3_stmt *stmt, int column,
                        bool *is_full)
{
    const char *text = db_sql_text(stmt, column);
    const char *copy = text ? base_arena_strdup(arena, text) : NULL;
    *is_full |= text && !copy;
    return copy;
}

#define HIT_COLUMNS                                                                     \
    "SELECT f.key, coalesce(f.title, f.source_id, 'film ' || f.key),"                   \
    " (SELECT text FROM film_title WHERE film = f.key AND language LIKE 'zh%'"          \
    "  ORDER BY language NOT IN ('zh', 'zh-CN', 'zh-Hans'), language, text LIMIT 1),"   \
    " coalesce(f.year, 0), coalesce(c.n_events, 0),"                                    \
    " coalesce((SELECT group_concat(name, ', ') FROM (SELECT name FROM film_genre"      \
    "  JOIN genre ON genre = key WHERE film = f.key ORDER BY place, name)), ''),"       \
    " coalesce((SELECT group_concat(name, ', ') FROM (SELECT name, min(role) AS first," \
    "  min(place) AS place FROM film_person JOIN person ON person = key"                \
    "  WHERE film = f.key AND role IN (1, 3) GROUP BY key ORDER BY first, place"        \
    "  LIMIT 5)), '')"

// bm25 is the better the lower; titles count most, then people. What many have seen comes
// first: up to 6 points, 3 for a film with as many events as the average of those found.
// The exact title comes before all, and is found even where the words are not ("The
// Heat"). The few to be shown are chosen first, since their columns cost queries of their
// own.
static const char hits_by_words[] = HIT_COLUMNS
    " FROM (SELECT key, score - 6.0 * n / (n + avg(n) OVER () + 1) AS score FROM ("
    "  SELECT key, min(score) AS score, coalesce(n_events, 0) AS n FROM ("
    "   SELECT rowid AS key, bm25(film_words, 4, 2, 1) AS score FROM film_words"
    "    WHERE film_words MATCH ?1"
    "   UNION ALL SELECT film, -1e9 FROM film_title WHERE title_key = ?2)"
    "   LEFT JOIN film_count ON film = key GROUP BY key)"
    "  ORDER BY score, key LIMIT ?3) m"
    " JOIN film f ON f.key = m.key LEFT JOIN film_count c ON c.film = f.key"
    " ORDER BY m.score, f.key";

static const char hits_all[] =
    HIT_COLUMNS " FROM (SELECT key, coalesce(n_events, 0) AS n FROM film"
                "  LEFT JOIN film_count ON film = key ORDER BY n DESC, key LIMIT ?1) m"
                " JOIN film f ON f.key = m.key LEFT JOIN film_count c ON c.film = f.key"
                " ORDER BY m.n DESC, f.key";

static enum reel_status hits_read(struct reel_store *store, sqlite3_stmt *stmt,
                                  int32_t limit, struct hits *hits, int32_t *n,
                                  struct reel_error *err)
{
    int32_t n_room = 0;
    bool is_row = false, is_full = false;
    enum reel_status rc = db_sql_next(store, stmt, &is_row, err);
    while (rc == REEL_OK && is_row && *n < limit) {
        if (*n == n_room) {
            n_room = n_room ? 2 * n_room : 32;
            struct reel_film_hit *more =
                base_realloc_array(hits->hit, (size_t)n_room, sizeof *more);
            hits->hit = more ? more : hits->hit;
            is_full = !more;
        }
        if (!is_full) {
            hits->hit[*n] = (struct reel_film_hit){
                .key = sqlite3_column_int64(stmt, 0),
                .title = keep(&hits->arena, stmt, 1, &is_full),
                .title_zh = keep(&hits->arena, stmt, 2, &is_full),
                .year = sqlite3_column_int(stmt, 3),
                .n_events = sqlite3_column_int(stmt, 4),
                .genres = keep(&hits->arena, stmt, 5, &is_full),
                .people = keep(&hits->arena, stmt, 6, &is_full),
            };
        }
        if (is_full) {
            rc = fail(err, REEL_ENOMEM, "%d films found", *n);
            break;
        }
        ++*n;
        rc = db_sql_next(store, stmt, &is_row, err);
    }
    db_sql_leave(stmt);
    return rc;
}

enum reel_status reel_store_films_search(struct reel_store *store, const char *query,
                                         int32_t limit, struct reel_film_hits *out,
                                         struct reel_error *err)
{
    *out = (struct reel_film_hits){0};
    struct hits *hits = base_alloc_zeroed(1, sizeof *hits);
    if (!hits) {
        return fail(err, REEL_ENOMEM, "a search");
    }
    base_arena_init(&hits->arena, (size_t)1 << 30);
    struct base_buffer fts;
    base_buffer_init(&fts, (size_t)1 << 20);
    sqlite3_stmt *stmt = NULL;
    enum reel_status rc = query_make(store, query, &fts, err);
    if (rc == REEL_OK && fts.n_bytes) {
        base_buffer_clear(&store->scratch);
        rc = base_text_title_key(store->text, query, &store->scratch, err);
        rc = rc ? rc
                : db_sql_query(store, hits_by_words, &stmt, err, "ttn",
                               base_buffer_text(&fts), base_buffer_text(&store->scratch),
                               limit);
    } else if (rc == REEL_OK && query[strspn(query, " \t")] == '\0') {
        rc = db_sql_query(store, hits_all, &stmt, err, "n", limit);
    }
    if (rc == REEL_OK && stmt) {
        rc = hits_read(store, stmt, limit, hits, &out->n, err);
    }
    base_buffer_release(&fts);
    out->hit = hits->hit;
    out->owned = hits;
    if (rc) {
        reel_film_hits_release(out);
    }
    return rc;
}

void reel_film_hits_release(struct reel_film_hits *hits)
{
    struct hits *h = hits->owned;
    if (h) {
        base_arena_release(&h->arena);
        base_free(h->hit);
        base_free(h);
    }
    *hits = (struct reel_film_hits){0};
}

// ---- the one film ----

static enum reel_status by_key(struct reel_store *store, const char *text, int64_t *key,
                               struct reel_error *err)
{
    const size_t n_bytes = strlen(text);
    if (n_bytes == 0 || n_bytes > 18 || strspn(text, "0123456789") != n_bytes) {
        return REEL_OK;
    }
    return db_sql_int(store, "SELECT key FROM film WHERE key = ?", key, err, "i",
                      (int64_t)strtoll(text, NULL, 10));
}

// "imdb:tt0114709"; a bare "tt0114709" as well.
static enum reel_status by_id(struct reel_store *store, const char *text, int64_t *key,
                              struct reel_error *err)
{
    char site[64] = "imdb";
    const char *id = text;
    const char *colon = strchr(text, ':');
    if (colon && colon != text && (size_t)(colon - text) < sizeof site) {
        memcpy(site, text, (size_t)(colon - text));
        site[colon - text] = '\0';
        id = colon + 1;
    } else if (strncmp(text, "tt", 2) != 0 || !isdigit((unsigned char)text[2])) {
        return REEL_OK;
    }
    enum reel_status rc =
        db_sql_int(store, "SELECT film FROM film_ref WHERE source = ? AND id = ?", key,
                   err, "tt", site, id);
    if (rc == REEL_OK && *key == 0) {
        rc = db_sql_int(store, "SELECT film FROM film_link WHERE site = ? AND value = ?",
                        key, err, "tt", site, id);
    }
    return rc;
}

// Cut a trailing "(1995)" off; the year, or 0.
static int32_t year_cut(char *title)
{
    size_t n = strlen(title);
    while (n && title[n - 1] == ' ') {
        title[--n] = '\0';
    }
    if (n < 7 || title[n - 1] != ')' || title[n - 6] != '(' ||
        strspn(title + n - 5, "0123456789") != 4) {
        return 0;
    }
    const int32_t year = (int32_t)strtol(title + n - 5, NULL, 10);
    title[n - 6] = '\0';
    return year;
}

enum { NAMED = 5 };

static enum reel_status by_title(struct reel_store *store, const char *title,
                                 int32_t year, int64_t *key, struct base_buffer *list,
                                 struct reel_error *err)
{
    base_buffer_clear(&store->scratch);
    enum reel_status rc = base_text_title_key(store->text, title, &store->scratch, err);
    const char *title_key = base_buffer_text(&store->scratch);
    title_key = *title_key ? title_key : title;
    sqlite3_stmt *stmt = NULL;
    bool is_row = false;
    rc = rc ? rc
            : db_sql_query(store,
                           "SELECT DISTINCT f.key, coalesce(f.title, ''),"
                           " coalesce(f.year, 0) FROM film_title t"
                           " JOIN film f ON f.key = t.film WHERE t.title_key = ?1"
                           " AND (?2 IS NULL OR f.year = ?2) ORDER BY f.year, f.key",
                           &stmt, err, "tz", title_key, (int64_t)year);
    rc = rc ? rc : db_sql_next(store, stmt, &is_row, err);
    int32_t n = 0;
    for (; rc == REEL_OK && is_row; n++) {
        *key = sqlite3_column_int64(stmt, 0);
        char label[16];
        if (n < NAMED &&
            !base_buffer_print(list, "%s%" PRId64 " %s%s", n ? "; " : "", *key,
                               db_sql_text(stmt, 1),
                               db_year_label(sqlite3_column_int(stmt, 2), label))) {
            rc = fail(err, REEL_ENOMEM, "a list of films");
            break;
        }
        rc = db_sql_next(store, stmt, &is_row, err);
    }
    if (stmt) {
        db_sql_leave(stmt);
    }
    if (rc == REEL_OK && n > 1) {
        *key = 0;
        rc = fail(err, REEL_EAMBIGUOUS, "%d films are called '%s': %s%s", n, title,
                  base_buffer_text(list), n > NAMED ? "; ..." : "");
    }
    return rc;
}

static enum reel_status not_found(struct reel_store *store, const char *text,
                                  const char *title, struct base_buffer *list,
                                  struct reel_error *err)
{
    struct reel_film_hits hits;
    enum reel_status rc = reel_store_films_search(store, title, NAMED, &hits, err);
    if (rc) {
        return rc;
    }
    base_buffer_clear(list);
    bool is_ok = true;
    for (int32_t i = 0; i < hits.n && is_ok; i++) {
        char label[16];
        is_ok =
            base_buffer_print(list, "%s%" PRId64 " %s%s", i ? "; " : "", hits.hit[i].key,
                              hits.hit[i].title, db_year_label(hits.hit[i].year, label));
    }
    reel_film_hits_release(&hits);
    return fail(err, REEL_ENOTFOUND, "no film '%s'%s%s", text,
                is_ok && list->n_bytes ? "; nearest: " : "", base_buffer_text(list));
}

enum reel_status reel_store_film_find(struct reel_store *store, const char *text,
                                      int64_t *key, struct reel_error *err)
{
    int64_t found = 0;
    struct base_buffer list;
    base_buffer_init(&list, (size_t)1 << 16);
    char *title = base_strdup(text);
    enum reel_status rc = title ? REEL_OK : fail(err, REEL_ENOMEM, "film '%s'", text);
    rc = rc ? rc : by_key(store, text, &found, err);
    rc = rc || found ? rc : by_id(store, text, &found, err);
    if (rc == REEL_OK && !found) {
        rc = by_title(store, title, 0, &found, &list, err);
        const int32_t year = rc == REEL_OK && !found ? year_cut(title) : 0;
        if (year) {
            rc = by_title(store, title, year, &found, &list, err);
        }
    }
    if (rc == REEL_OK && !found) {
        rc = not_found(store, text, title, &list, err);
    }
    if (rc == REEL_OK) {
        *key = found;
    }
    base_free(title);
    base_buffer_release(&list);
    return rc;
}

enum reel_status reel_store_viewer_find(struct reel_store *store, const char *name,
                                        int64_t *key, struct reel_error *err)
{
    int64_t found = 0;
    const enum reel_status rc = db_sql_int(store, "SELECT key FROM viewer WHERE name = ?",
                                           &found, err, "t", name);
    if (rc == REEL_OK && found == 0) {
        return fail(err, REEL_ENOTFOUND, "no viewer '%s'", name);
    }
    if (rc == REEL_OK) {
        *key = found;
    }
    return rc;
}
