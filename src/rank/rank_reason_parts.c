/**
 * A score as a column of numbers: which films are named, which go together, what else there
 * is. Nothing is left out, so the column adds up.
 */
#include "rank_reason.h"

#include "base_csr.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum {
    N_TRAITS_MAX = 64, /* of a film, looked at */
    N_SHARED_TOLD = 4,
};

const char *reel_reason_kind_name(enum reel_reason_kind kind, const char *lang)
{
    static const char *const name[REEL_N_REASON_KINDS][2] = {
        [REEL_REASON_FILM] = {"film", "影片"},
        [REEL_REASON_GENRE] = {"genre", "类型"},
        [REEL_REASON_PERSON] = {"person", "人物"},
        [REEL_REASON_EVENT] = {"event", "事件"},
        [REEL_REASON_TEXT] = {"words", "用词"},
        [REEL_REASON_CONTEXT] = {"situation", "情境"},
        [REEL_REASON_POPULARITY] = {"popularity", "热度"},
        [REEL_REASON_EXPLORATION] = {"exploration", "探索"},
        [REEL_REASON_ANSWER] = {"other answers", "其他回答"},
        [REEL_REASON_OTHER] = {"model", "模型"},
    };
    return name[kind][strncmp(lang, "zh", 2) == 0];
}

// ---- rounding ----

/** Each amount takes on what rounding left of those before it. */
double reel_reasons_round(struct reel_reason *reason, int32_t n, double sum,
                          int32_t n_decimals)
{
    assert(n_decimals >= 0 && n_decimals <= 12);
    const double scale = pow(10, n_decimals), total = round(sum * scale);
    double exact = 0, printed = 0;
    for (int32_t i = 0; i < n; i++) {
        exact += reason[i].amount * scale;
        const double next = i == n - 1 ? total : round(exact);
        reason[i].amount = (next - printed) / scale;
        printed = next;
    }
    return total / scale;
}

// ---- folding ----

int32_t rank_reason_n_max(const struct rank_reason *reason,
                          const struct rank_reason_rest *rest)
{
    const int32_t n_named =
        reason->n_named < reason->n_parts ? reason->n_named : reason->n_parts;
    // What speaks against it, others, rest.
    return n_named + N_SHARED_TOLD + 3 + rest->n_adjustments + rest->n_reasons;
}

static bool is_something(double amount)
{
    return fabs(amount) > 0;
}

/** A trait of the film that is explained, and what other films with it add. */
struct trait {
    const struct reel_csr *rows; /* films x names of its kind */
    int32_t col;
    bool is_told;
    struct reel_reason reason;
};

/** Chinese characters are above all other letters that names are written in. */
static bool is_han(const char *name)
{
    return (unsigned char)name[0] >= 0xe3 && (unsigned char)name[0] <= 0xe9;
}

bool rank_name_is_double(const struct reel_csr *rows, const char *const *name,
                         int32_t film, int32_t col, const char *lang)
{
    const bool is_zh = strncmp(lang, "zh", 2) == 0;
    bool has_own = false;
    for (int64_t e = rows->start[film]; e < rows->start[film + 1]; e++) {
        has_own = has_own || is_han(name[rows->col[e]]) == is_zh;
    }
    return has_own && is_han(name[col]) != is_zh;
}

static int32_t add_traits(const struct reel_csr *rows, const char *const *name,
                          enum reel_reason_kind kind, int32_t film, const char *lang,
                          struct trait *trait, int32_t n)
{
    for (int64_t e = rows->start[film]; e < rows->start[film + 1]; e++) {
        const bool is_double = kind != REEL_REASON_GENRE &&
                               rank_name_is_double(rows, name, film, rows->col[e], lang);
        if (!is_double && n < N_TRAITS_MAX) {
            trait[n++] = (struct trait){
                .rows = rows,
                .col = rows->col[e],
                .is_told = true,
                .reason = {.kind = kind, .film = -1, .name = name[rows->col[e]]}};
        }
    }
    return n;
}

/**
 * Divide what a film of the history adds among the traits that it shares, of the most
 * particular kind that is shared: people before keywords before genres. Gives what no trait
 * that is told takes.
 */
static double share_out(struct trait *trait, int32_t n, int32_t film, double amount)
{
    for (int32_t first = 0, next; first < n; first = next) {
        int32_t n_shared = 0;
        for (next = first; next < n && trait[next].rows == trait[first].rows; next++) {
            n_shared += base_csr_has(trait[next].rows, film, trait[next].col);
        }
        double left = amount;
        for (int32_t t = first; t < next && n_shared > 0; t++) {
            if (trait[t].is_told && base_csr_has(trait[t].rows, film, trait[t].col)) {
                trait[t].reason.amount += amount / n_shared;
                trait[t].reason.n++;
                left -= amount / n_shared;
            }
        }
        if (n_shared > 0) {
            return fabs(left) > 1e-9 * fabs(amount) ? left : 0;
        }
    }
    return amount;
}

/** Leave told the few that move most. */
static void choose_traits(struct trait *trait, int32_t n)
{
    for (int32_t t = 0; t < n; t++) {
        int32_t n_larger = 0;
        for (int32_t o = 0; o < n; o++) {
            const double mine = fabs(trait[t].reason.amount);
            const double other = fabs(trait[o].reason.amount);
            n_larger += other > mine || (!(other < mine) && o < t);
        }
        trait[t].is_told = n_larger < N_SHARED_TOLD && trait[t].reason.n > 0;
    }
    for (int32_t t = 0; t < n; t++) {
        trait[t].reason.amount = 0;
        trait[t].reason.n = 0;
    }
}

/** Parts [first, last) together: by what they share with the film, and the others as one. */
static int32_t fold_others(const struct rank_reason *r, int32_t film, int32_t first,
                           int32_t last, struct reel_reason *out)
{
    struct trait trait[N_TRAITS_MAX];
    const struct reel_film_table *films = r->films;
    int32_t n_traits = 0, n = 0, n_others = 0;
    double others = 0;
    n_traits = add_traits(&films->people, films->people_name, REEL_REASON_PERSON, film,
                          r->lang, trait, n_traits);
    n_traits = add_traits(&films->keywords, films->keyword_name, REEL_REASON_TEXT, film,
                          r->lang, trait, n_traits);
    n_traits = add_traits(&films->genres, films->genre_name, REEL_REASON_GENRE, film,
                          r->lang, trait, n_traits);
    for (int32_t p = first; p < last; p++) {
        (void)share_out(trait, n_traits, r->part[p].film, (double)r->part[p].amount);
    }
    choose_traits(trait, n_traits);
    for (int32_t p = first; p < last; p++) {
        const double left =
            share_out(trait, n_traits, r->part[p].film, (double)r->part[p].amount);
        others += left;
        n_others += is_something(left);
    }
    for (int32_t t = 0; t < n_traits; t++) {
        if (trait[t].reason.n > 0) {
            out[n++] = trait[t].reason;
        }
    }
    if (n_others > 0) {
        out[n++] = (struct reel_reason){
            .kind = REEL_REASON_FILM, .film = -1, .n = n_others, .amount = others};
    }
    return n;
}

/** Named films first, then the one that took most, then all others. */
static int32_t fold_films(const struct rank_reason *r, int32_t film,
                          struct reel_reason *out)
{
    int32_t n = 0, first_other = 0;
    while (first_other < r->n_named && first_other < r->n_parts &&
           r->part[first_other].amount > 0) {
        const struct reel_part *part = &r->part[first_other++];
        out[n++] = (struct reel_reason){
            .kind = REEL_REASON_FILM, .film = part->film, .n = 1, .amount = part->amount};
    }
    const bool has_despite =
        r->n_parts > first_other && r->part[r->n_parts - 1].amount < 0;
    if (has_despite) {
        const struct reel_part *part = &r->part[r->n_parts - 1];
        out[n++] = (struct reel_reason){
            .kind = REEL_REASON_FILM, .film = part->film, .n = 1, .amount = part->amount};
    }
    return n + fold_others(r, film, first_other, r->n_parts - has_despite, out + n);
}

int32_t rank_reason_fold(const struct rank_reason *reason,
                         const struct rank_reason_rest *rest, struct reel_reason *out)
{
    int32_t n = fold_films(reason, rest->film, out);
    for (int32_t a = 0; a < rest->n_adjustments; a++) {
        const struct reel_adjustment *adjustment = &rest->adjustment[a];
        const double amount = rest->unit * (double)adjustment->amount[rest->film];
        if (is_something(amount)) {
            out[n++] = (struct reel_reason){.kind = adjustment->kind,
                                            .is_said = adjustment->is_said,
                                            .film = -1,
                                            .name = adjustment->name,
                                            .amount = amount};
        }
    }
    for (int32_t i = 0; i < rest->n_reasons; i++) {
        out[n++] = rest->reason[i];
    }
    double known = 0;
    for (int32_t i = 0; i < n; i++) {
        known += out[i].amount;
    }
    // Scores are floats: what their sums lose belongs to no reason but this one.
    const double left = (double)reason->score - known;
    const double noise = 1e-6 * (fabs((double)reason->score) + fabs(known));
    if (n == 0 || (rest->n_reasons == 0 && is_something(reason->rest)) ||
        fabs(left) > noise) {
        out[n++] = (struct reel_reason){.kind = rest->kind, .film = -1, .amount = left};
    } else {
        out[n - 1].amount += left;
    }
    return n;
}
