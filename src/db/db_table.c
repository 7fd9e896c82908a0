/**
 * The film table: what ranking needs to know of every film, one row each.
 */
#include "db_table.h"
#include "base_alloc.h"
#include "base_arena.h"
#include "base_error.h"
#include "db_sql.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct links {
    int64_t *start;
    int32_t *col;
    const char **name;
    int64_t *name_key; /* ascending */
    int32_t n_names;
};

struct table {
    struct reel_film_table table; /* first: both are freed as one */
    struct base_arena arena;
    int64_t *key;
    const char **title, **title_zh, **source_id, **language;
    int32_t *year, *runtime_min, *min_age;
    struct links genres, keywords, people;
};

// The board's word, alone or among others: "Rated PG-13", "US:R", "FSK 12", "16+".
static int32_t word_age(const char *word, size_t n_bytes)
{
    static const struct {
        const char *name;
        int32_t age;
    } known[] = {
        {"G", 0},     {"PG", 8},     {"PG-13", 13}, {"R", 17},    {"NC-17", 18},
        {"X", 18},    {"U", 0},      {"UC", 0},     {"12A", 12},  {"R18", 18},
        {"TP", 0},    {"AL", 0},     {"TV-Y", 0},   {"TV-Y7", 7}, {"TV-G", 0},
        {"TV-PG", 8}, {"TV-14", 14}, {"TV-MA", 17},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strlen(known[i].name) == n_bytes &&
            strncasecmp(word, known[i].name, n_bytes) == 0) {
            return known[i].age;
        }
    }
    int32_t age = 0;
    for (size_t i = 0; i < n_bytes; i++) {
        if (word[i] == '+' && i > 0 && i + 1 == n_bytes) {
            break;
        }
        if (word[i] < '0' || word[i] > '9' || age > 21) {
            return -1;
        }
        age = 10 * age + (word[i] - '0');
    }
    return n_bytes > 0 && age <= 21 ? age : -1;
}

int32_t db_table_min_age(const char *rating)
{
    for (const char *word = rating; word && *word;) {
        const size_t n_bytes = strcspn(word, " :/,");
        const int32_t age = word_age(word, n_bytes);
        if (age >= 0) {
            return age;
        }
        word += n_bytes;
        word += strspn(word, " :/,");
    }
    return -1;
}

static void links_release(struct links *links)
{
    base_free(links->start);
    base_free(links->col);
    base_free(links->name);
    base_free(links->name_key);
}

void reel_film_table_free(struct reel_film_table *table)
{
    struct table *t = (struct table *)table;
    if (!t) {
        return;
    }
    base_arena_release(&t->arena);
    base_free(t->key);
    base_free(t->title);
    base_free(t->title_zh);
    base_free(t->source_id);
    base_free(t->language);
    base_free(t->year);
    base_free(t->runtime_min);
    base_free(t->min_age);
    links_release(&t->genres);
    links_release(&t->keywords);
    links_release(&t->people);
    base_free(t);
}

// Text of a column in the arena; NULL stays NULL. False when out of memory.
static bool keep_text(struct base_arena *arena, sqlite3_stmt *stmt, int column,
                      const char **text)
{
    const char *found = db_sql_text(stmt, column);
    *text = found ? base_arena_strdup(arena, found) : NULL;
    return !found || *text;
}

static enum reel_status films_reserve(struct table *t, size_t n, struct reel_error *err)
{
    t->key = base_alloc_array(n, sizeof *t->key);
    t->title = base_alloc_array(n, sizeof *t->title);
    t->title_zh = base_alloc_array(n, sizeof *t->title_zh);
    t->source_id = base_alloc_array(n, sizeof *t->source_id);
    t->language = base_alloc_array(n, sizeof *t->language);
    t->year = base_alloc_array(n, sizeof *t->year);
    t->runtime_min = base_alloc_array(n, sizeof *t->runtime_min);
    t->min_age = base_alloc_array(n, sizeof *t->min_age);
    const bool is_there = t->key && t->title && t->title_zh && t->source_id &&
                          t->language && t->year && t->runtime_min && t->min_age;
    return is_there ? REEL_OK : fail(err, REEL_ENOMEM, "%zu films", n);
}

static enum reel_status films_load(struct reel_store *store, struct table *t,
                                   struct reel_error *err)
{
    int64_t n = 0;
    sqlite3_stmt *stmt = NULL;
    bool is_row = false;
    enum reel_status rc = db_sql_int(store, "SELECT count(*) FROM film", &n, err, "");
    rc = rc ? rc : films_reserve(t, (size_t)n, err);
    rc = rc ? rc
            : db_sql_query(
                  store,
                  "SELECT key, coalesce(title, source_id, 'film ' || key),"
                  " (SELECT text FROM film_title WHERE film = key AND language LIKE 'zh%'"
                  "  ORDER BY language NOT IN ('zh', 'zh-CN', 'zh-Hans'), language, text"
                  "  LIMIT 1),"
                  " source_id, language, coalesce(year, 0), coalesce(runtime_min, 0),"
                  " age_rating FROM film ORDER BY key",
                  &stmt, err, "");
    rc = rc ? rc : db_sql_next(store, stmt, &is_row, err);
    int32_t *i = &t->table.n_films;
    while (rc == REEL_OK && is_row && *i < n) {
        t->key[*i] = sqlite3_column_int64(stmt, 0);
        t->year[*i] = sqlite3_column_int(stmt, 5);
        t->runtime_min[*i] = sqlite3_column_int(stmt, 6);
        t->min_age[*i] = db_table_min_age(db_sql_text(stmt, 7));
        if (!keep_text(&t->arena, stmt, 1, &t->title[*i]) ||
            !keep_text(&t->arena, stmt, 2, &t->title_zh[*i]) ||
            !keep_text(&t->arena, stmt, 3, &t->source_id[*i]) ||
            !keep_text(&t->arena, stmt, 4, &t->language[*i])) {
            rc = fail(err, REEL_ENOMEM, "%" PRId64 " films", n);
            break;
        }
        ++*i;
        rc = db_sql_next(store, stmt, &is_row, err);
    }
    if (stmt) {
        db_sql_leave(stmt);
    }
    return rc;
}

static int key_compare(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static int32_t place_of(const int64_t *key, int32_t n, int64_t wanted)
{
    const int64_t *found = bsearch(&wanted, key, (size_t)n, sizeof *key, key_compare);
    return found ? (int32_t)(found - key) : -1;
}

struct link_queries {
    const char *n_names, *names, *n_links, *links;
};

static enum reel_status names_load(struct reel_store *store, struct table *t,
                                   const struct link_queries *sql, struct links *links,
                                   struct reel_error *err)
{
    int64_t n = 0;
    enum reel_status rc = db_sql_int(store, sql->n_names, &n, err, "");
    if (rc) {
        return rc;
    }
    links->name = base_alloc_array((size_t)n, sizeof *links->name);
    links->name_key = base_alloc_array((size_t)n, sizeof *links->name_key);
    if (!links->name || !links->name_key) {
        return fail(err, REEL_ENOMEM, "%" PRId64 " names", n);
    }
    sqlite3_stmt *stmt = NULL;
    bool is_row = false;
    rc = db_sql_query(store, sql->names, &stmt, err, "");
    rc = rc ? rc : db_sql_next(store, stmt, &is_row, err);
    while (rc == REEL_OK && is_row && links->n_names < n) {
        links->name_key[links->n_names] = sqlite3_column_int64(stmt, 0);
        if (!keep_text(&t->arena, stmt, 1, &links->name[links->n_names])) {
            rc = fail(err, REEL_ENOMEM, "%" PRId64 " names", n);
            break;
        }
        links->n_names++;
        rc = db_sql_next(store, stmt, &is_row, err);
    }
    if (stmt) {
        db_sql_leave(stmt);
    }
    return rc;
}

static enum reel_status links_load(struct reel_store *store, struct table *t,
                                   const struct link_queries *sql, struct links *links,
                                   struct reel_csr *csr, struct reel_error *err)
{
    int64_t n_links = 0;
    enum reel_status rc = names_load(store, t, sql, links, err);
    rc = rc ? rc : db_sql_int(store, sql->n_links, &n_links, err, "");
    if (rc) {
        return rc;
    }
    const int32_t n_films = t->table.n_films;
    links->start = base_alloc_zeroed((size_t)n_films + 1, sizeof *links->start);
    links->col = base_alloc_array((size_t)n_links, sizeof *links->col);
    if (!links->start || !links->col) {
        return fail(err, REEL_ENOMEM, "%" PRId64 " links", n_links);
    }
    sqlite3_stmt *stmt = NULL;
    bool is_row = false;
    int32_t row = 0;
    int64_t n = 0;
    rc = db_sql_query(store, sql->links, &stmt, err, "");
    rc = rc ? rc : db_sql_next(store, stmt, &is_row, err);
    while (rc == REEL_OK && is_row && n < n_links) {
        const int64_t film = sqlite3_column_int64(stmt, 0);
        while (row < n_films && t->key[row] < film) {
            links->start[++row] = n;
        }
        const int32_t col =
            place_of(links->name_key, links->n_names, sqlite3_column_int64(stmt, 1));
        if (row < n_films && t->key[row] == film && col >= 0) {
            links->col[n++] = col;
        }
        rc = db_sql_next(store, stmt, &is_row, err);
    }
    if (stmt) {
        db_sql_leave(stmt);
    }
    while (row < n_films) {
        links->start[++row] = n;
    }
    *csr = (struct reel_csr){n_films, links->n_names, links->start, links->col, NULL};
    return rc;
}

static enum reel_status table_load(struct reel_store *store, struct table *t,
                                   struct reel_error *err)
{
    static const struct link_queries genre_sql = {
        "SELECT count(*) FROM genre",
        "SELECT key, name FROM genre ORDER BY key",
        "SELECT count(*) FROM film_genre",
        "SELECT film, genre FROM film_genre ORDER BY film, genre",
    };
    static const struct link_queries keyword_sql = {
        "SELECT count(*) FROM keyword",
        "SELECT key, name FROM keyword ORDER BY key",
        "SELECT count(*) FROM film_keyword",
        "SELECT film, keyword FROM film_keyword ORDER BY film, keyword",
    };
    static const struct link_queries people_sql = {
        "SELECT count(*) FROM person",
        "SELECT key, name FROM person ORDER BY key",
        "SELECT count(*) FROM film_person",
        "SELECT DISTINCT film, person FROM film_person ORDER BY film, person",
    };
    struct reel_film_table *table = &t->table;
    enum reel_status rc = films_load(store, t, err);
    rc = rc ? rc : links_load(store, t, &genre_sql, &t->genres, &table->genres, err);
    rc =
        rc ? rc : links_load(store, t, &keyword_sql, &t->keywords, &table->keywords, err);
    rc = rc ? rc : links_load(store, t, &people_sql, &t->people, &table->people, err);
    table->key = t->key;
    table->title = t->title;
    table->title_zh = t->title_zh;
    table->source_id = t->source_id;
    table->language = t->language;
    table->year = t->year;
    table->runtime_min = t->runtime_min;
    table->min_age = t->min_age;
    table->genre_name = t->genres.name;
    table->keyword_name = t->keywords.name;
    table->people_name = t->people.name;
    return rc;
}

enum reel_status reel_store_film_table_load(struct reel_store *store,
                                            struct reel_film_table **out,
                                            struct reel_error *err)
{
    *out = NULL;
    struct table *t = base_alloc_zeroed(1, sizeof *t);
    if (!t) {
        return fail(err, REEL_ENOMEM, "the film table");
    }
    base_arena_init(&t->arena, SIZE_MAX / 2);
    bool is_begun = false;
    enum reel_status rc = db_sql_snapshot(store, &is_begun, err);
    rc = rc ? rc : table_load(store, t, err);
    db_sql_snapshot_end(store, is_begun);
    if (rc) {
        reel_film_table_free(&t->table);
        return rc;
    }
    *out = &t->table;
    return REEL_OK;
}
