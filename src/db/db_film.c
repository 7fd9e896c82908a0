/**
 * Films: filling in what a source says, and the words by which they are found.
 *
 * What is said fills what is unknown. A known value gives way only to a later word of the
 * source that named the film first. Lists (titles, genres, people, ...) are united.
 */
#include "base_error.h"
#include "db_import.h"

#include <string.h>

enum reel_status db_film_title_key(struct reel_store *store, const char *title,
                                   const char **title_key, struct reel_error *err)
{
    base_buffer_clear(&store->scratch);
    const enum reel_status rc =
        base_text_title_key(store->text, title, &store->scratch, err);
    *title_key = base_buffer_text(&store->scratch);
    if (rc == REEL_OK && !**title_key) {
        *title_key = title; // "!!!": nothing is left when signs are folded away
    }
    return rc;
}

// ---- single values ----

// SQL: the value of a column after the merge; ?1 is 1 when the owner speaks.
#define MERGED(column, parameter) \
    "iif(?1 OR " column " IS NULL, coalesce(" parameter ", " column "), " column ")"
#define SETS(column, parameter) column " = " MERGED(column, parameter)
#define DIFFERS(column, parameter) column " IS NOT " MERGED(column, parameter)

#define COLUMNS(X, comma)                                                           \
    X("title", "?3")                                                                \
    comma X("title_original", "?4") comma X("year", "?5") comma X("language", "?6") \
        comma X("runtime_min", "?7") comma X("age_rating", "?8")                    \
            comma X("overview", "?9") comma X("tagline", "?10")                     \
                comma X("popularity", "?11") comma X("vote_mean", "?12")            \
                    comma X("n_votes", "?13") comma X("story", "?14")

static enum reel_status values_write(struct reel_import *import, int64_t key,
                                     const struct reel_film *film, bool *is_changed,
                                     struct reel_error *err)
{
    struct reel_store *store = import->store;
    const struct reel_film_ref *ref = &film->ref;
    int64_t is_owner = 0;
    enum reel_status rc = db_sql_int(store, "SELECT source IS ? FROM film WHERE key = ?",
                                     &is_owner, err, "ti", ref->source, key);
    rc = rc ? rc
            : db_sql_run(
                  store,
                  "UPDATE film SET " COLUMNS(SETS, ",") " WHERE key = ?2 AND (" COLUMNS(
                      DIFFERS, " OR ") ")",
                  err, "iittztztttddzt", is_owner, key, ref->title, film->title_original,
                  (int64_t)ref->year, film->language, (int64_t)film->runtime_min,
                  film->age_rating, film->overview, film->tagline, film->popularity,
                  film->vote_mean, film->n_votes, film->story);
    *is_changed |= rc == REEL_OK && sqlite3_changes64(store->sql) > 0;
    return rc;
}

// ---- lists ----

static enum reel_status title_write(struct reel_import *import, int64_t key,
                                    const struct reel_title *title, bool *is_changed,
                                    struct reel_error *err)
{
    if (!title->text || !*title->text) {
        return REEL_OK;
    }
    struct reel_store *store = import->store;
    const char *title_key;
    enum reel_status rc = db_film_title_key(store, title->text, &title_key, err);
    rc = rc ? rc
            : db_sql_run(store,
                         "INSERT INTO film_title VALUES (?, ?, ?, ?)"
                         " ON CONFLICT DO UPDATE SET language = excluded.language"
                         " WHERE language IS NULL AND excluded.language IS NOT NULL",
                         err, "ittt", key, title->text, title->language, title_key);
    *is_changed |= rc == REEL_OK && sqlite3_changes64(store->sql) > 0;
    return rc;
}

static enum reel_status titles_write(struct reel_import *import, int64_t key,
                                     const struct reel_film *film, bool *is_changed,
                                     struct reel_error *err)
{
    const struct reel_title first = {.text = film->ref.title};
    const struct reel_title original = {film->title_original, film->language};
    enum reel_status rc = title_write(import, key, &first, is_changed, err);
    rc = rc ? rc : title_write(import, key, &original, is_changed, err);
    for (int32_t i = 0; rc == REEL_OK && i < film->n_titles; i++) {
        rc = title_write(import, key, &film->titles[i], is_changed, err);
    }
    return rc;
}

struct name_table {
    const char *select, *insert, *link;
};

static const struct name_table genre_table = {
    "SELECT key FROM genre WHERE name = ?",
    "INSERT INTO genre(name) VALUES (?)",
    "INSERT OR IGNORE INTO film_genre VALUES (?, ?, ?)",
};
static const struct name_table keyword_table = {
    "SELECT key FROM keyword WHERE name = ?",
    "INSERT INTO keyword(name) VALUES (?)",
    "INSERT OR IGNORE INTO film_keyword VALUES (?, ?, ?)",
};
static const struct name_table country_table = {
    "SELECT key FROM country WHERE name = ?",
    "INSERT INTO country(name) VALUES (?)",
    "INSERT OR IGNORE INTO film_country VALUES (?, ?, ?)",
};
static const struct name_table person_table = {
    "SELECT key FROM person WHERE name = ?",
    "INSERT INTO person(name) VALUES (?)",
    "INSERT INTO film_person VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT DO UPDATE SET character = excluded.character"
    " WHERE character IS NULL AND excluded.character IS NOT NULL",
};

static enum reel_status name_key(struct reel_import *import, struct base_hash *known,
                                 const struct name_table *table, const char *name,
                                 int64_t *key, struct reel_error *err)
{
    struct reel_store *store = import->store;
    const size_t n_bytes = strlen(name);
    *key = 0;
    if (base_hash_get(known, name, n_bytes, key)) {
        return REEL_OK;
    }
    enum reel_status rc = db_sql_int(store, table->select, key, err, "t", name);
    if (rc == REEL_OK && *key == 0) {
        rc = db_sql_run(store, table->insert, err, "t", name);
        *key = sqlite3_last_insert_rowid(store->sql);
    }
    bool is_new;
    if (rc == REEL_OK && !base_hash_get_or_add(known, name, n_bytes, *key, &is_new)) {
        rc = fail(err, REEL_ENOMEM, "names of an import");
    }
    return rc;
}

static enum reel_status names_write(struct reel_import *import, int64_t film,
                                    struct base_hash *known,
                                    const struct name_table *table,
                                    const char *const *name, int32_t n_names,
                                    bool *is_changed, struct reel_error *err)
{
    enum reel_status rc = REEL_OK;
    for (int32_t i = 0; rc == REEL_OK && i < n_names; i++) {
        int64_t key;
        if (!name[i] || !*name[i]) {
            continue;
        }
        rc = name_key(import, known, table, name[i], &key, err);
        rc = rc ? rc : db_sql_run(import->store, table->link, err, "iin", film, key, i);
        *is_changed |= rc == REEL_OK && sqlite3_changes64(import->store->sql) > 0;
    }
    return rc;
}

static enum reel_status people_write(struct reel_import *import, int64_t film,
                                     const struct reel_film *said, bool *is_changed,
                                     struct reel_error *err)
{
    enum reel_status rc = REEL_OK;
    for (int32_t i = 0; rc == REEL_OK && i < said->n_people; i++) {
        const struct reel_person *person = &said->people[i];
        int64_t key;
        if (!person->name || !*person->name) {
            continue;
        }
        rc = name_key(import, import->person, &person_table, person->name, &key, err);
        rc = rc ? rc
                : db_sql_run(import->store, person_table.link, err, "iinnt", film, key,
                             (int)person->role, i, person->character);
        *is_changed |= rc == REEL_OK && sqlite3_changes64(import->store->sql) > 0;
    }
    return rc;
}

static enum reel_status links_write(struct reel_import *import, int64_t film,
                                    const struct reel_film *said, bool *is_changed,
                                    struct reel_error *err)
{
    enum reel_status rc = REEL_OK;
    for (int32_t i = 0; rc == REEL_OK && i < said->n_links; i++) {
        rc = db_sql_run(import->store, "INSERT OR IGNORE INTO film_link VALUES (?, ?, ?)",
                        err, "itt", film, said->links[i].site, said->links[i].value);
        *is_changed |= rc == REEL_OK && sqlite3_changes64(import->store->sql) > 0;
    }
    return rc;
}

enum reel_status db_film_write(struct reel_import *import, int64_t key,
                               const struct reel_film *film, bool *is_changed,
                               struct reel_error *err)
{
    struct db_film_state *state = db_import_film(import, key);
    if (!state) {
        return fail(err, REEL_ENOMEM, "films of an import");
    }
    bool is_other = false, is_text = false; // text: what the index holds
    enum reel_status rc = values_write(import, key, film, &is_other, err);
    rc = rc ? rc : titles_write(import, key, film, &is_text, err);
    rc = rc ? rc
            : names_write(import, key, import->genre, &genre_table, film->genres,
                          film->n_genres, &is_text, err);
    rc = rc ? rc : people_write(import, key, film, &is_text, err);
    rc = rc ? rc
            : names_write(import, key, import->keyword, &keyword_table, film->keywords,
                          film->n_keywords, &is_other, err);
    rc = rc ? rc
            : names_write(import, key, import->country, &country_table, film->countries,
                          film->n_countries, &is_other, err);
    rc = rc ? rc : links_write(import, key, film, &is_other, err);
    state->is_text_new |= is_text;
    *is_changed |= is_text || is_other;
    return rc;
}

// ---- words ----

// "d'Amélie" is one word to the cutter; people look for "Amélie". What follows an apostrophe
// is indexed on its own as well, unless it is as short as in "don't".
static enum reel_status elided_words(struct reel_store *store, const char *text,
                                     struct base_buffer *words, struct reel_error *err)
{
    static const char typographic[] = "\xe2\x80\x99";
    enum reel_status rc = REEL_OK;
    for (const char *at = text; rc == REEL_OK && *at; at++) {
        const size_t n_mark_bytes = *at == '\''                        ? 1
                                    : strncmp(at, typographic, 3) == 0 ? 3
                                                                       : 0;
        const size_t n_bytes = n_mark_bytes ? strcspn(at + n_mark_bytes, " '") : 0;
        if (n_bytes > 2) {
            rc = base_text_words(store->text, at + n_mark_bytes, n_bytes, true, words,
                                 err);
            rc = rc || base_buffer_add_char(words, ' ') ? rc
                                                        : fail(err, REEL_ENOMEM, "words");
        }
    }
    return rc;
}

// The first column of every row that `sql` gives for a film, cut into words.
static enum reel_status words_of(struct reel_store *store, const char *sql, int64_t film,
                                 struct base_buffer *words, struct reel_error *err)
{
    sqlite3_stmt *stmt;
    bool is_row = false;
    enum reel_status rc = db_sql_query(store, sql, &stmt, err, "i", film);
    if (rc) {
        return rc;
    }
    rc = db_sql_next(store, stmt, &is_row, err);
    while (rc == REEL_OK && is_row) {
        const char *text = db_sql_text(stmt, 0);
        rc = base_text_words(store->text, text, strlen(text), true, words, err);
        if (rc == REEL_OK && !base_buffer_add_char(words, ' ')) {
            rc = fail(err, REEL_ENOMEM, "words of film %lld", (long long)film);
        }
        rc = rc ? rc : elided_words(store, text, words, err);
        rc = rc ? rc : db_sql_next(store, stmt, &is_row, err);
    }
    db_sql_leave(stmt);
    return rc;
}

static enum reel_status index_one(struct reel_store *store, int64_t film,
                                  struct base_buffer words[3], struct reel_error *err)
{
    for (int i = 0; i < 3; i++) {
        base_buffer_clear(&words[i]);
    }
    enum reel_status rc = words_of(store, "SELECT text FROM film_title WHERE film = ?",
                                   film, &words[0], err);
    rc = rc ? rc
            : words_of(store,
                       "SELECT DISTINCT name FROM film_person, person"
                       " WHERE film = ? AND person = key ORDER BY place",
                       film, &words[1], err);
    rc =
        rc ? rc
           : words_of(store,
                      "SELECT name FROM film_genre, genre WHERE film = ? AND genre = key",
                      film, &words[2], err);
    rc = rc ? rc
            : db_sql_run(store, "DELETE FROM film_words WHERE rowid = ?", err, "i", film);
    return rc ? rc
              : db_sql_run(store,
                           "INSERT INTO film_words(rowid, title, people, genres)"
                           " VALUES (?, ?, ?, ?)",
                           err, "ittt", film, base_buffer_text(&words[0]),
                           base_buffer_text(&words[1]), base_buffer_text(&words[2]));
}

enum reel_status db_film_index(struct reel_import *import, struct reel_error *err)
{
    struct base_buffer words[3];
    for (int i = 0; i < 3; i++) {
        base_buffer_init(&words[i], (size_t)64 << 20);
    }
    enum reel_status rc = REEL_OK;
    for (int32_t key = 1; rc == REEL_OK && key < import->n_films; key++) {
        if (import->film[key].is_text_new && !import->film[key].merged_into) {
            rc = index_one(import->store, key, words, err);
        }
    }
    for (int i = 0; i < 3; i++) {
        base_buffer_release(&words[i]);
    }
    return rc;
}
