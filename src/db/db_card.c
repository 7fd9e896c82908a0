/**
 * Everything known of one film, in one arena.
 */
#include "base_alloc.h"
#include "base_arena.h"
#include "base_error.h"
#include "db_sql.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

struct card {
    struct base_arena arena;
    struct reel_store *store;
    int64_t film;
};

// Text of a column in the card; NULL for NULL, and *is_full when there is no room.
static const char *keep(struct card *card, sqlite3_stmt *stmt, int column, bool *is_full)
{
    const char *text = db_sql_text(stmt, column);
    const char *copy = text ? base_arena_strdup(&card->arena, text) : NULL;
    *is_full |= text && !copy;
    return copy;
}

/** Fills item `i` of a list from the row that `stmt` stands on. */
typedef void card_item(struct card *card, sqlite3_stmt *stmt, void *list, int32_t i,
                       bool *is_full);

// A query that gives all rows of a list, twice: once to count them.
static enum reel_status list_load(struct card *card, const char *sql, size_t item_bytes,
                                  card_item *item, void **list, int32_t *n,
                                  struct reel_error *err)
{
    struct reel_store *store = card->store;
    sqlite3_stmt *stmt;
    bool is_row = false, is_full = false;
    int32_t n_rows = 0;
    *list = NULL;
    *n = 0;
    enum reel_status rc = db_sql_query(store, sql, &stmt, err, "i", card->film);
    if (rc) {
        return rc;
    }
    rc = db_sql_next(store, stmt, &is_row, err);
    while (rc == REEL_OK && is_row) {
        n_rows++;
        rc = db_sql_next(store, stmt, &is_row, err);
    }
    *list = base_arena_alloc(&card->arena, (size_t)n_rows + 1, item_bytes);
    if (rc || !*list) {
        return rc ? rc : fail(err, REEL_ENOMEM, "film %" PRId64, card->film);
    }
    rc = db_sql_next(store, stmt, &is_row, err);
    while (rc == REEL_OK && is_row && *n < n_rows && !is_full) {
        item(card, stmt, *list, (*n)++, &is_full);
        rc = is_full ? fail(err, REEL_ENOMEM, "film %" PRId64, card->film)
                     : db_sql_next(store, stmt, &is_row, err);
    }
    db_sql_leave(stmt);
    return rc;
}

static void text_item(struct card *card, sqlite3_stmt *stmt, void *list, int32_t i,
                      bool *is_full)
{
    ((const char **)list)[i] = keep(card, stmt, 0, is_full);
}

static void title_item(struct card *card, sqlite3_stmt *stmt, void *list, int32_t i,
                       bool *is_full)
{
    ((struct reel_title *)list)[i] = (struct reel_title){
        .text = keep(card, stmt, 0, is_full),
        .language = keep(card, stmt, 1, is_full),
    };
}

static void person_item(struct card *card, sqlite3_stmt *stmt, void *list, int32_t i,
                        bool *is_full)
{
    ((struct reel_person *)list)[i] = (struct reel_person){
        .name = keep(card, stmt, 0, is_full),
        .role = (enum reel_role)sqlite3_column_int(stmt, 1),
        .character = keep(card, stmt, 2, is_full),
    };
}

static void link_item(struct card *card, sqlite3_stmt *stmt, void *list, int32_t i,
                      bool *is_full)
{
    ((struct reel_link *)list)[i] = (struct reel_link){
        .site = keep(card, stmt, 0, is_full),
        .value = keep(card, stmt, 1, is_full),
    };
}

static void ref_item(struct card *card, sqlite3_stmt *stmt, void *list, int32_t i,
                     bool *is_full)
{
    ((struct reel_film_ref *)list)[i] = (struct reel_film_ref){
        .source = keep(card, stmt, 0, is_full),
        .id = keep(card, stmt, 1, is_full),
    };
}

static enum reel_status film_load(struct card *card, struct reel_film *film,
                                  struct reel_error *err)
{
    struct reel_store *store = card->store;
    sqlite3_stmt *stmt;
    bool is_row = false, is_full = false;
    enum reel_status rc = db_sql_query(
        store,
        "SELECT source, source_id, title, coalesce(year, 0), title_original, language,"
        " overview, tagline, age_rating, coalesce(runtime_min, 0), popularity, vote_mean,"
        " coalesce(n_votes, 0),"
        " (SELECT id FROM film_ref WHERE film = key AND source = 'imdb' LIMIT 1),"
        " (SELECT id FROM film_ref WHERE film = key AND source = 'tmdb' LIMIT 1),"
        " (SELECT id FROM film_ref WHERE film = key AND source = 'douban' LIMIT 1),"
        " story FROM film WHERE key = ?",
        &stmt, err, "i", card->film);
    rc = rc ? rc : db_sql_next(store, stmt, &is_row, err);
    if (rc || !is_row) {
        return rc ? rc : fail(err, REEL_ENOTFOUND, "no film %" PRId64, card->film);
    }
    *film = (struct reel_film){
        .ref = {.source = keep(card, stmt, 0, &is_full),
                .id = keep(card, stmt, 1, &is_full),
                .imdb = keep(card, stmt, 13, &is_full),
                .tmdb = sqlite3_column_int64(stmt, 14),
                .douban = keep(card, stmt, 15, &is_full),
                .title = keep(card, stmt, 2, &is_full),
                .year = sqlite3_column_int(stmt, 3)},
        .title_original = keep(card, stmt, 4, &is_full),
        .language = keep(card, stmt, 5, &is_full),
        .overview = keep(card, stmt, 6, &is_full),
        .tagline = keep(card, stmt, 7, &is_full),
        .age_rating = keep(card, stmt, 8, &is_full),
        .runtime_min = sqlite3_column_int(stmt, 9),
        .popularity = db_sql_double(stmt, 10),
        .vote_mean = db_sql_double(stmt, 11),
        .n_votes = sqlite3_column_int64(stmt, 12),
        .story = keep(card, stmt, 16, &is_full),
    };
    db_sql_leave(stmt);
    return is_full ? fail(err, REEL_ENOMEM, "film %" PRId64, card->film) : REEL_OK;
}

static enum reel_status lists_load(struct card *card, struct reel_film_card *out,
                                   struct reel_error *err)
{
    struct reel_film *film = &out->film;
    const struct {
        const char *sql;
        size_t item_bytes;
        card_item *item;
        void *list; /* address of the pointer that gets it */
        int32_t *n;
    } lists[] = {
        {"SELECT text, language FROM film_title WHERE film = ? ORDER BY language, text",
         sizeof(struct reel_title), title_item, &film->titles, &film->n_titles},
        {"SELECT name FROM film_genre JOIN genre ON genre = key WHERE film = ?"
         " ORDER BY place, name",
         sizeof(char *), text_item, &film->genres, &film->n_genres},
        {"SELECT name FROM film_keyword JOIN keyword ON keyword = key WHERE film = ?"
         " ORDER BY place, name",
         sizeof(char *), text_item, &film->keywords, &film->n_keywords},
        {"SELECT name FROM film_country JOIN country ON country = key WHERE film = ?"
         " ORDER BY place, name",
         sizeof(char *), text_item, &film->countries, &film->n_countries},
        {"SELECT name, role, character FROM film_person JOIN person ON person = key"
         " WHERE film = ? ORDER BY place, role",
         sizeof(struct reel_person), person_item, &film->people, &film->n_people},
        {"SELECT site, value FROM film_link WHERE film = ? ORDER BY site, value",
         sizeof(struct reel_link), link_item, &film->links, &film->n_links},
        {"SELECT source, id FROM film_ref WHERE film = ? AND source <> 'title'"
         " ORDER BY source, id",
         sizeof(struct reel_film_ref), ref_item, &out->refs, &out->n_refs},
        {"SELECT text FROM note WHERE film = ? AND kind = 6 GROUP BY text"
         " ORDER BY count(*) DESC, text",
         sizeof(char *), text_item, &out->tags, &out->n_tags},
        {"SELECT name || ': ' || text FROM note JOIN viewer ON viewer = key"
         " WHERE film = ? AND kind = 7 ORDER BY at_s DESC, name LIMIT 10",
         sizeof(char *), text_item, &out->reviews, &out->n_reviews_shown},
    };
    enum reel_status rc = REEL_OK;
    for (size_t i = 0; rc == REEL_OK && i < sizeof lists / sizeof lists[0]; i++) {
        void *list;
        rc = list_load(card, lists[i].sql, lists[i].item_bytes, lists[i].item, &list,
                       lists[i].n, err);
        memcpy(lists[i].list, &list, sizeof list);
    }
    return rc;
}

static enum reel_status counts_load(struct card *card, struct reel_film_card *out,
                                    struct reel_error *err)
{
    struct reel_store *store = card->store;
    sqlite3_stmt *stmt;
    bool is_row = false;
    out->mean_stars = NAN;
    enum reel_status rc = db_sql_query(store,
                                       "SELECT n_ratings, n_watches, n_likes, sum_stars"
                                       " FROM film_count WHERE film = ?",
                                       &stmt, err, "i", card->film);
    rc = rc ? rc : db_sql_next(store, stmt, &is_row, err);
    if (rc == REEL_OK && is_row) {
        out->n_ratings = sqlite3_column_int64(stmt, 0);
        out->n_watches = sqlite3_column_int64(stmt, 1);
        out->n_likes = sqlite3_column_int64(stmt, 2);
        out->mean_stars = out->n_ratings
                              ? sqlite3_column_double(stmt, 3) / (double)out->n_ratings
                              : NAN;
        db_sql_leave(stmt);
    }
    return rc ? rc
              : db_sql_int(store, "SELECT count(*) FROM note WHERE film = ? AND kind = 7",
                           &out->n_reviews, err, "i", card->film);
}

enum reel_status reel_store_film_load(struct reel_store *store, int64_t key,
                                      struct reel_film_card *out, struct reel_error *err)
{
    *out = (struct reel_film_card){0};
    struct card *card = base_alloc_zeroed(1, sizeof *card);
    if (!card) {
        return fail(err, REEL_ENOMEM, "film %" PRId64, key);
    }
    base_arena_init(&card->arena, (size_t)1 << 30);
    card->store = store;
    card->film = key;
    bool is_begun = false;
    enum reel_status rc = db_sql_snapshot(store, &is_begun, err);
    rc = rc ? rc : film_load(card, &out->film, err);
    rc = rc ? rc : lists_load(card, out, err);
    rc = rc ? rc : counts_load(card, out, err);
    db_sql_snapshot_end(store, is_begun);
    out->owned = card;
    if (rc) {
        reel_film_card_release(out);
    }
    return rc;
}

void reel_film_card_release(struct reel_film_card *card)
{
    struct card *owned = card->owned;
    if (owned) {
        base_arena_release(&owned->arena);
        base_free(owned);
    }
    *card = (struct reel_film_card){0};
}
