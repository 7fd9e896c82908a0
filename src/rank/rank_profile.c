/**
 * What a history says of a viewer, trait by trait; and what the viewer says against it.
 *
 *   lift_t = log( (l_t + D b_t) / (L + D) / b_t )
 *
 *   l_t liked films with trait t    L liked films    b_t share of t among everybody's likes
 *   D   damping: as if so many films of average mix were liked besides
 *
 * Nothing is learned here: beliefs are counts, and edits are the viewer's own numbers.
 */
#include "base_alloc.h"
#include "base_csr.h"
#include "base_error.h"
#include "rank_reason.h"

#include <forkreel/profile.h>
#include <forkreel/rank.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DAMP_FILMS 5.0
enum { N_SEEN_MIN = 2, N_DECADES = 30, FIRST_DECADE = 1850 };

/* ---- edits ---- */

/** The traits of films that an edit may mean; NULL for kinds that are no matrix. */
static const struct reel_csr *traits_of(const struct reel_film_table *films,
                                        enum reel_edit_kind kind,
                                        const char *const **name)
{
    switch (kind) {
    case REEL_EDIT_GENRE:
        *name = films->genre_name;
        return &films->genres;
    case REEL_EDIT_PERSON:
        *name = films->people_name;
        return &films->people;
    case REEL_EDIT_KEYWORD:
        *name = films->keyword_name;
        return &films->keywords;
    default:
        return NULL;
    }
}

static int32_t trait_find(const struct reel_csr *traits, const char *const *name,
                          const char *wanted)
{
    for (int32_t t = 0; t < traits->n_cols; t++) {
        if (strcasecmp(name[t], wanted) == 0) {
            return t;
        }
    }
    return -1;
}

/** Which films answer to an edit. */
struct question {
    const struct reel_film_table *films;
    const struct reel_csr *traits;
    const char *name; /* as the table spells it */
    int32_t trait, decade;
    const char *language;
};

static bool question_make(const struct reel_edit *edit,
                          const struct reel_film_table *films, struct question *out)
{
    const char *const *name = NULL;
    *out = (struct question){.films = films, .name = edit->name, .trait = -1};
    out->traits = traits_of(films, edit->kind, &name);
    if (out->traits) {
        out->trait = trait_find(out->traits, name, edit->name);
        out->name = out->trait >= 0 ? name[out->trait] : edit->name;
        return out->trait >= 0;
    }
    if (edit->kind == REEL_EDIT_LANGUAGE) {
        out->language = edit->name;
    } else if (edit->kind == REEL_EDIT_DECADE) {
        out->decade = (int32_t)strtol(edit->name, NULL, 10);
    }
    return out->language || out->decade > 0;
}

static bool answers(const struct question *q, int32_t film)
{
    if (q->traits) {
        return base_csr_has(q->traits, film, q->trait);
    }
    if (q->language) {
        const char *language = q->films->language[film];
        return language && strcasecmp(language, q->language) == 0;
    }
    const int32_t year = q->films->year[film];
    return year > 0 && year - year % 10 == q->decade;
}

bool reel_edit_fits(const struct reel_edit *edit, const struct reel_film_table *films)
{
    struct question q;
    if (!question_make(edit, films, &q)) {
        return false;
    }
    for (int32_t f = 0; f < films->n_films; f++) {
        if (answers(&q, f)) {
            return true;
        }
    }
    return false;
}

static enum reel_reason_kind reason_of(enum reel_edit_kind kind)
{
    return kind == REEL_EDIT_PERSON  ? REEL_REASON_PERSON
           : kind == REEL_EDIT_GENRE ? REEL_REASON_GENRE
                                     : REEL_REASON_TEXT;
}

enum reel_status reel_edits_adjust(const struct reel_edit *edit, int32_t n_edits,
                                   const struct reel_film_table *films,
                                   struct reel_said *out, struct reel_error *err)
{
    const size_t n_films = (size_t)films->n_films;
    *out = (struct reel_said){0};
    out->adjustment = base_alloc_array((size_t)n_edits + 1, sizeof *out->adjustment);
    float *amount = base_alloc_zeroed(n_films * (size_t)n_edits + 1, sizeof *amount);
    out->owned = amount;
    if (!out->adjustment || !amount) {
        reel_said_release(out);
        return fail(err, REEL_ENOMEM, "%d edits of %d films", n_edits, films->n_films);
    }
    for (int32_t e = 0; e < n_edits; e++) {
        struct question q;
        if (!question_make(&edit[e], films, &q)) {
            continue;
        }
        for (int32_t f = 0; f < films->n_films; f++) {
            amount[f] = answers(&q, f) ? (float)edit[e].amount : 0;
        }
        out->adjustment[out->n_adjustments++] =
            (struct reel_adjustment){.kind = reason_of(edit[e].kind),
                                     .is_said = true,
                                     .name = q.name,
                                     .amount = amount};
        amount += n_films;
    }
    return REEL_OK;
}

void reel_said_release(struct reel_said *said)
{
    base_free(said->adjustment);
    base_free(said->owned);
    *said = (struct reel_said){0};
}

/* ---- beliefs ---- */

/** Counts of every value of one kind. */
struct count {
    int32_t n_seen, n_liked, n_rated;
    double stars, everybody; /* sums */
};

struct profiler {
    const struct reel_csr *seen, *chosen;
    const struct reel_film_table *films;
    const struct reel_edits *edits;
    int32_t viewer;
    const char *lang;
    int64_t n_everybody; /* likes of all viewers */
    struct reel_belief *belief;
    int32_t n_beliefs, n_room;
    char (*decade_name)[8];
};

static void count_film(const struct profiler *p, struct count *count, int64_t entry,
                       bool is_liked)
{
    const float stars = p->seen->value ? p->seen->value[entry] : NAN;
    count->n_seen++;
    count->n_liked += is_liked;
    if (!isnan(stars)) {
        count->n_rated++;
        count->stars += (double)stars;
    }
}

static double said_of(const struct profiler *p, enum reel_edit_kind kind,
                      const char *name)
{
    for (int32_t e = 0; e < p->edits->n_edits; e++) {
        if (p->edits->edit[e].kind == kind &&
            strcasecmp(p->edits->edit[e].name, name) == 0) {
            return p->edits->edit[e].amount;
        }
    }
    return 0;
}

static double lift_of(const struct profiler *p, const struct count *count,
                      int32_t n_liked)
{
    const double base =
        p->n_everybody > 0 ? count->everybody / (double)p->n_everybody : 0;
    return base > 0
               ? log((count->n_liked + DAMP_FILMS * base) / (n_liked + DAMP_FILMS) / base)
               : 0;
}

static bool add_belief(struct profiler *p, enum reel_edit_kind kind, const char *name,
                       const struct count *count)
{
    const int64_t *start = p->chosen->start;
    const int32_t n_liked = (int32_t)(start[p->viewer + 1] - start[p->viewer]);
    const double said = said_of(p, kind, name);
    const bool is_rare = kind == REEL_EDIT_PERSON || kind == REEL_EDIT_KEYWORD;
    if (fabs(said) <= 0 && count->n_seen < (is_rare ? N_SEEN_MIN : 1)) {
        return true;
    }
    if (p->n_beliefs == p->n_room) {
        const int32_t room = p->n_room ? 2 * p->n_room : 64;
        struct reel_belief *belief =
            base_realloc_array(p->belief, (size_t)room, sizeof *belief);
        if (!belief) {
            return false;
        }
        p->belief = belief;
        p->n_room = room;
    }
    p->belief[p->n_beliefs++] = (struct reel_belief){
        .kind = kind,
        .name = name,
        .n_seen = count->n_seen,
        .n_liked = count->n_liked,
        .stars = count->n_rated > 0 ? count->stars / count->n_rated : (double)NAN,
        .lift = lift_of(p, count, n_liked),
        .said = said};
    return true;
}

/** Value of a film in a kind that is no matrix: its decade or language; -1 none. */
static int32_t decade_of(const struct reel_film_table *films, int32_t film)
{
    const int32_t decade = (films->year[film] - FIRST_DECADE) / 10;
    return films->year[film] > FIRST_DECADE && decade < N_DECADES ? decade : -1;
}

/** The first film of the same language stands for it. */
static int32_t *languages_make(const struct reel_film_table *films)
{
    int32_t *first = base_alloc_array((size_t)films->n_films + 1, sizeof *first);
    int32_t known[256], n_known = 0; // more languages than films are made in
    for (int32_t f = 0; first && f < films->n_films; f++) {
        const char *language = films->language[f];
        first[f] = -1;
        for (int32_t k = 0; language && k < n_known && first[f] < 0; k++) {
            if (strcmp(films->language[known[k]], language) == 0) {
                first[f] = known[k];
            }
        }
        if (language && first[f] < 0 && n_known < 256) {
            first[f] = known[n_known++] = f;
        }
    }
    return first;
}

/** Values of a film in one kind: columns of a matrix, or one number. */
struct kind_view {
    enum reel_edit_kind kind;
    const struct reel_csr *traits; /* or */
    const int32_t *value;          /* (films) -1 none */
    int32_t n_values;
    const char *const *name; /* (n_values) of a matrix */
};

static void count_values(const struct kind_view *view, int32_t film, struct count *count,
                         const struct profiler *p, int64_t entry, bool is_liked)
{
    if (!view->traits) {
        const int32_t value = view->value[film];
        if (value >= 0 && entry >= 0) {
            count_film(p, &count[value], entry, is_liked);
        } else if (value >= 0) {
            count[value].everybody += 1;
        }
        return;
    }
    for (int64_t t = view->traits->start[film]; t < view->traits->start[film + 1]; t++) {
        const int32_t col = view->traits->col[t];
        struct count *one = &count[col];
        if (view->kind != REEL_EDIT_GENRE &&
            rank_name_is_double(view->traits, view->name, film, col, p->lang)) {
            continue;
        }
        if (entry >= 0) {
            count_film(p, one, entry, is_liked);
        } else {
            one->everybody += 1;
        }
    }
}

static enum reel_status believe_kind(struct profiler *p, const struct kind_view *view,
                                     struct reel_error *err)
{
    struct count *count = base_alloc_zeroed((size_t)view->n_values + 1, sizeof *count);
    bool is_whole = count != NULL;
    for (int64_t e = 0; is_whole && e < p->n_everybody; e++) {
        count_values(view, p->chosen->col[e], count, p, -1, false);
    }
    const int64_t *start = p->seen->start;
    for (int64_t e = start[p->viewer]; is_whole && e < start[p->viewer + 1]; e++) {
        const int32_t film = p->seen->col[e];
        count_values(view, film, count, p, e, base_csr_has(p->chosen, p->viewer, film));
    }
    for (int32_t v = 0; is_whole && v < view->n_values; v++) {
        const char *word = view->name                       ? view->name[v]
                           : view->kind == REEL_EDIT_DECADE ? p->decade_name[v]
                                                            : p->films->language[v];
        is_whole = !word || add_belief(p, view->kind, word, &count[v]);
    }
    base_free(count);
    return is_whole ? REEL_OK : fail(err, REEL_ENOMEM, "beliefs");
}

static int by_lift(const void *a, const void *b)
{
    const struct reel_belief *x = a, *y = b;
    if (x->kind != y->kind) {
        return (x->kind > y->kind) - (x->kind < y->kind);
    }
    return x->lift != y->lift ? (x->lift < y->lift) - (x->lift > y->lift)
                              : strcmp(x->name, y->name);
}

static enum reel_status believe_all(struct profiler *p, struct reel_error *err)
{
    const struct reel_film_table *films = p->films;
    int32_t *language = languages_make(films);
    int32_t *decade = base_alloc_array((size_t)films->n_films + 1, sizeof *decade);
    enum reel_status rc =
        language && decade ? REEL_OK : fail(err, REEL_ENOMEM, "beliefs");
    for (int32_t f = 0; rc == REEL_OK && f < films->n_films; f++) {
        decade[f] = decade_of(films, f);
    }
    const struct kind_view views[] = {
        {REEL_EDIT_GENRE, &films->genres, NULL, films->genres.n_cols, films->genre_name},
        {REEL_EDIT_PERSON, &films->people, NULL, films->people.n_cols,
         films->people_name},
        {REEL_EDIT_KEYWORD, &films->keywords, NULL, films->keywords.n_cols,
         films->keyword_name},
        {REEL_EDIT_LANGUAGE, NULL, language, films->n_films, NULL},
        {REEL_EDIT_DECADE, NULL, decade, N_DECADES, NULL},
    };
    for (size_t v = 0; rc == REEL_OK && v < sizeof views / sizeof *views; v++) {
        rc = believe_kind(p, &views[v], err);
    }
    base_free(language);
    base_free(decade);
    if (rc == REEL_OK && p->n_beliefs > 0) {
        qsort(p->belief, (size_t)p->n_beliefs, sizeof *p->belief, by_lift);
    }
    return rc;
}

static void summarise(const struct profiler *p, const int64_t *at_s,
                      struct reel_profile *out)
{
    const int64_t *start = p->seen->start, *chosen = p->chosen->start;
    double sum = 0, square = 0;
    out->n_seen = (int32_t)(start[p->viewer + 1] - start[p->viewer]);
    out->n_liked = (int32_t)(chosen[p->viewer + 1] - chosen[p->viewer]);
    out->n_forgotten = p->edits->n_forgotten;
    out->first_s = out->last_s = REEL_TIME_UNKNOWN;
    for (int64_t e = start[p->viewer]; e < start[p->viewer + 1]; e++) {
        const double stars = p->seen->value ? (double)p->seen->value[e] : (double)NAN;
        if (!isnan(stars)) {
            out->n_rated++;
            sum += stars;
            square += stars * stars;
        }
        if (at_s && at_s[e] != REEL_TIME_UNKNOWN) {
            const bool is_first = out->first_s == REEL_TIME_UNKNOWN;
            out->first_s = is_first || at_s[e] < out->first_s ? at_s[e] : out->first_s;
            out->last_s = is_first || at_s[e] > out->last_s ? at_s[e] : out->last_s;
        }
    }
    const int32_t n = out->n_rated;
    out->mean_stars = n > 0 ? sum / n : (double)NAN;
    out->sd_stars = n > 0 ? sqrt(fmax(0, square / n - sum / n * (sum / n))) : (double)NAN;
}

/** What a profile owns: its beliefs and the names of decades. */
struct owned {
    struct reel_belief *belief;
    char decade_name[N_DECADES][8];
};

enum reel_status reel_profile_make(const struct reel_csr *seen, const int64_t *at_s,
                                   const struct reel_csr *chosen, int32_t viewer,
                                   const struct reel_film_table *films,
                                   const struct reel_edits *edits, const char *lang,
                                   struct reel_profile *out, struct reel_error *err)
{
    *out = (struct reel_profile){0};
    if (viewer < 0 || viewer >= seen->n_rows || seen->n_rows != chosen->n_rows ||
        seen->n_cols != films->n_films || chosen->n_cols != films->n_films) {
        return fail(err, REEL_EINVAL, "viewer %d of %d, films %d of %d", viewer,
                    seen->n_rows, seen->n_cols, films->n_films);
    }
    struct owned *owned = base_alloc_zeroed(1, sizeof *owned);
    if (!owned) {
        return fail(err, REEL_ENOMEM, "profile");
    }
    for (int32_t d = 0; d < N_DECADES; d++) {
        (void)snprintf(owned->decade_name[d], sizeof owned->decade_name[d], "%d",
                       FIRST_DECADE + 10 * d);
    }
    struct profiler p = {.seen = seen,
                         .chosen = chosen,
                         .films = films,
                         .edits = edits,
                         .viewer = viewer,
                         .lang = lang,
                         .n_everybody = chosen->start[chosen->n_rows],
                         .decade_name = owned->decade_name};
    const enum reel_status rc = believe_all(&p, err);
    owned->belief = p.belief;
    out->owned = owned;
    if (rc) {
        reel_profile_release(out);
        return rc;
    }
    summarise(&p, at_s, out);
    out->belief = p.belief;
    out->n_beliefs = p.n_beliefs;
    return REEL_OK;
}

void reel_profile_release(struct reel_profile *profile)
{
    struct owned *owned = profile->owned;
    if (owned) {
        base_free(owned->belief);
        base_free(owned);
    }
    *profile = (struct reel_profile){0};
}
