/**
 * Filters, one kind at a time, on one byte per film. Names are looked up once; then a film
 * is decided by the numbers in its row.
 */
#include "rank_filter.h"

#include "base_alloc.h"
#include "base_error.h"

#include <strings.h>

int32_t rank_film_find(const struct reel_film_table *films, int64_t key)
{
    int32_t low = 0, high = films->n_films;
    while (low < high) {
        const int32_t middle = low + (high - low) / 2;
        if (films->key[middle] < key) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < films->n_films && films->key[low] == key ? low : -1;
}

static void filter_numbers(const struct reel_filter *filter,
                           const struct reel_film_table *films, uint8_t *allowed)
{
    for (int32_t f = 0; f < films->n_films; f++) {
        bool is_out = false;
        if (filter->year_min || filter->year_max) {
            const int32_t year = films->year[f];
            is_out = year == REEL_YEAR_UNKNOWN || year < filter->year_min ||
                     (filter->year_max && year > filter->year_max);
        }
        if (filter->runtime_max_min) {
            is_out |= films->runtime_min[f] == 0 ||
                      films->runtime_min[f] > filter->runtime_max_min;
        }
        if (filter->age_max) {
            is_out |= films->min_age[f] < 0 || films->min_age[f] > filter->age_max;
        }
        allowed[f] = is_out ? 0 : allowed[f];
    }
}

static bool is_among(const char *text, const char *const *names, int32_t n)
{
    for (int32_t i = 0; i < n && text; i++) {
        if (strcasecmp(text, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

static enum reel_status filter_languages(const struct reel_filter *filter,
                                         const struct reel_film_table *films,
                                         uint8_t *allowed, struct reel_error *err)
{
    for (int32_t i = 0; i < filter->n_languages; i++) {
        bool is_known = false;
        for (int32_t f = 0; f < films->n_films && !is_known; f++) {
            is_known = is_among(films->language[f], &filter->languages[i], 1);
        }
        if (!is_known) {
            return fail(err, REEL_ENOTFOUND, "no film in the language \"%s\"",
                        filter->languages[i]);
        }
    }
    for (int32_t f = 0; f < films->n_films && filter->n_languages > 0; f++) {
        if (!is_among(films->language[f], filter->languages, filter->n_languages)) {
            allowed[f] = 0;
        }
    }
    return REEL_OK;
}

/** A property that a film may have several of, and which of it are asked for. */
struct wanted {
    const struct reel_csr *has; /* films x names */
    const char *const *name;    /* (has->n_cols) */
    const char *const *asked;   /* (n_asked) */
    int32_t n_asked;
    const char *what; /* for the message; NULL: an unknown name is no error */
    bool is_kept;     /* those that have one stay, or those that have none */
};

static enum reel_status filter_names(const struct wanted *w, uint8_t *allowed,
                                     struct reel_error *err)
{
    if (w->n_asked < 1) {
        return REEL_OK;
    }
    uint8_t *is_asked = base_alloc_zeroed((size_t)w->has->n_cols, 1);
    if (!is_asked) {
        return fail(err, REEL_ENOMEM, "out of memory for a filter");
    }
    enum reel_status rc = REEL_OK;
    for (int32_t i = 0; i < w->n_asked && rc == REEL_OK; i++) {
        bool is_known = false;
        for (int32_t c = 0; c < w->has->n_cols; c++) {
            if (strcasecmp(w->name[c], w->asked[i]) == 0) {
                is_asked[c] = 1;
                is_known = true;
            }
        }
        if (!is_known && w->what) {
            rc = fail(err, REEL_ENOTFOUND, "no film with the %s \"%s\"", w->what,
                      w->asked[i]);
        }
    }
    for (int32_t f = 0; f < w->has->n_rows && w->has->n_cols > 0 && rc == REEL_OK; f++) {
        bool has_one = false;
        for (int64_t e = w->has->start[f]; e < w->has->start[f + 1]; e++) {
            has_one |= is_asked[w->has->col[e]] != 0;
        }
        if (has_one != w->is_kept) {
            allowed[f] = 0;
        }
    }
    base_free(is_asked);
    return rc;
}

enum reel_status rank_filter_apply(const struct reel_filter *filter,
                                   const struct reel_film_table *films, uint8_t *allowed,
                                   struct reel_error *err)
{
    const struct wanted genres = {&films->genres,   films->genre_name, filter->genres,
                                  filter->n_genres, "genre",           true};
    const struct wanted not_genres = {
        &films->genres, films->genre_name, filter->not_genres, filter->n_not_genres, NULL,
        false};
    const struct wanted people = {&films->people,   films->people_name, filter->people,
                                  filter->n_people, "person",           true};
    filter_numbers(filter, films, allowed);
    enum reel_status rc = filter_languages(filter, films, allowed, err);
    rc = rc ? rc : filter_names(&genres, allowed, err);
    rc = rc ? rc : filter_names(&not_genres, allowed, err);
    rc = rc ? rc : filter_names(&people, allowed, err);
    for (int32_t i = 0; i < filter->n_not_films && rc == REEL_OK; i++) {
        const int32_t f = rank_film_find(films, filter->not_films[i]);
        if (f >= 0) {
            allowed[f] = 0;
        }
    }
    return rc;
}
