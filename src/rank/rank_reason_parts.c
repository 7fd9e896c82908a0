/**
 * A score as a column of numbers: which films are named, which go together, what else there
 * is. Nothing is left out, so the column adds up.
 */
#include "rank_reason.h"

#include <assert.h>
#include <math.h>
#include <string.h>

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
    return n_named + 3 + rest->n_adjustments +
           rest->n_reasons; // what speaks against it, others, rest
}

static bool is_something(double amount)
{
    return fabs(amount) > 0;
}

/** Named films first, then the one that took most, then all others as one. */
static int32_t fold_films(const struct rank_reason *r, struct reel_reason *out)
{
    int32_t n = 0, first_other = 0, n_others;
    while (first_other < r->n_named && first_other < r->n_parts &&
           r->part[first_other].amount > 0) {
        const struct reel_part *part = &r->part[first_other++];
        out[n++] = (struct reel_reason){
            .kind = REEL_REASON_FILM, .film = part->film, .n = 1, .amount = part->amount};
    }
    const bool has_despite =
        r->n_parts > first_other && r->part[r->n_parts - 1].amount < 0;
    n_others = r->n_parts - first_other - has_despite;
    double others = 0;
    for (int32_t p = first_other; p < first_other + n_others; p++) {
        others += (double)r->part[p].amount;
    }
    if (has_despite) {
        const struct reel_part *part = &r->part[r->n_parts - 1];
        out[n++] = (struct reel_reason){
            .kind = REEL_REASON_FILM, .film = part->film, .n = 1, .amount = part->amount};
    }
    if (n_others > 0) {
        out[n++] = (struct reel_reason){
            .kind = REEL_REASON_FILM, .film = -1, .n = n_others, .amount = others};
    }
    return n;
}

int32_t rank_reason_fold(const struct rank_reason *reason,
                         const struct rank_reason_rest *rest, struct reel_reason *out)
{
    int32_t n = fold_films(reason, out);
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
