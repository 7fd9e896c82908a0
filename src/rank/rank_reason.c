/**
 * The sentence of --why: the films of the history that added most, the one that took away
 * most, what all others add, and what does not come from the history at all.
 *
 * Numbers are rounded together by the largest remainder, so they add up as printed.
 */
#include "rank_reason.h"

#include "base_alloc.h"
#include "base_error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define AMOUNT_MAX 1e9 /* beyond it thousandths of a score are not worth telling */

/** Pieces around names and numbers; every sentence is made of these. */
struct words {
    const char *because, *despite, *despite_first;
    const char *title_open, *title_close, *comma, *and;
    const char *number_open, *number_close, *percent;
    const char *clause; /* between two clauses */
    const char *others_open, *others_one, *others_many, *others_close;
    const char *rest_open, *rest_close;
    const char *said_open, *situation_open, *explored_open;
    const char *sum_open;
    const char *count_open, *count_middle, *count_close; /* zh: total first */
    bool is_total_first;
    const char *nothing, *by_text, *colon, *else_open;
};

static const struct words words_en = {
    .because = "because you liked ",
    .despite = ", despite ",
    .despite_first = "despite ",
    .title_open = "“", // many titles have commas: "Sting, The"
    .title_close = "”",
    .comma = ", ",
    .and = " and ",
    .number_open = " (",
    .number_close = ")",
    .percent = " %",
    .clause = "; ",
    .others_open = "",
    .others_one = " other film adds ",
    .others_many = " other films add ",
    .others_close = "",
    .rest_open = "",
    .rest_close = " does not come from films you liked",
    .said_open = "what you said adds ",
    .situation_open = "the situation adds ",
    .explored_open = "exploration adds ",
    .sum_open = "together ",
    .count_open = "chosen by ",
    .count_middle = " of ",
    .count_close = " viewers",
    .nothing = "no film you liked speaks for or against it",
    .by_text = "new here: judged by what is written about it",
    .colon = ": ",
    .else_open = "all else adds ",
};

static const struct words words_zh = {
    .because = "因为您喜欢",
    .despite = "，尽管有",
    .despite_first = "尽管有",
    .title_open = "《",
    .title_close = "》",
    .comma = "、",
    .and = "和",
    .number_open = "（",
    .number_close = "）",
    .percent = "%",
    .clause = "；",
    .others_open = "另外",
    .others_one = "部影片占",
    .others_many = "部影片共占",
    .others_close = "",
    .rest_open = "有",
    .rest_close = "并非来自您喜欢的影片",
    .said_open = "您的设定占",
    .situation_open = "情境占",
    .explored_open = "探索占",
    .sum_open = "合计",
    .count_open = "",
    .count_middle = "位观众中有",
    .count_close = "位选择了它",
    .is_total_first = true,
    .nothing = "您喜欢的影片既不支持也不反对它",
    .by_text = "新片：根据它的文字判断",
    .colon = "：",
    .else_open = "其余占",
};

/** What follows the films in `amount`. */
enum { OTHERS, SAID, SITUATION, EXPLORED, REST, N_LAST };

/** What the sentence says, in the order of `amount`: named, despite, others and so on. */
struct account {
    int32_t n_named, n_despite, n_others;
    int32_t n; /* n_named + n_despite + N_LAST */
    bool is_share;
    double unit;    /* of the score, per number printed */
    long total;     /* what the numbers add up to */
    double *amount; /* (n) in units */
    long *number;   /* (n) rounded */
};

/** False when there are no numbers that could be told. */
static bool choose_unit(const struct rank_reason *r, struct account *a)
{
    double weight = fabs((double)r->rest) + fabs((double)r->score) + fabs(r->said) +
                    fabs(r->situation) + fabs(r->explored);
    for (int32_t p = 0; p < r->n_parts; p++) {
        weight += fabs((double)r->part[p].amount);
    }
    // Shares of a sum that nearly cancels out would be thousands of percent.
    a->is_share = r->score > 0 && weight < 6 * (double)r->score;
    a->unit = a->is_share ? r->score / 100.0 : 0.001;
    if (!(weight < AMOUNT_MAX)) {
        return false;
    }
    a->total = a->is_share ? 100 : lround(r->score / a->unit);
    return true;
}

static void fill_amounts(const struct rank_reason *r, struct account *a)
{
    double others = 0;
    for (int32_t p = 0; p < r->n_parts; p++) {
        const double amount = r->part[p].amount / a->unit;
        if (p < a->n_named) {
            a->amount[p] = amount;
        } else if (p >= r->n_parts - a->n_despite) {
            a->amount[a->n_named] = amount;
        } else {
            others += amount;
        }
    }
    double *last = a->amount + a->n - N_LAST;
    last[OTHERS] = others;
    last[SAID] = r->said / a->unit;
    last[SITUATION] = r->situation / a->unit;
    last[EXPLORED] = r->explored / a->unit;
    last[REST] = r->rest / a->unit;
}

static void round_together(struct account *a)
{
    long missing = a->total;
    for (int32_t i = 0; i < a->n; i++) {
        a->number[i] = (long)floor(a->amount[i]);
        missing -= a->number[i];
    }
    for (int32_t round = 0; round < a->n && missing > 0; round++, missing--) {
        int32_t best = 0;
        for (int32_t i = 1; i < a->n; i++) {
            if (a->amount[i] - (double)a->number[i] >
                a->amount[best] - (double)a->number[best]) {
                best = i;
            }
        }
        a->number[best]++;
    }
    a->number[a->n - 1] += missing; // what the parts of a source do not add up to
}

static bool add_title(struct base_buffer *out, const struct rank_reason *r,
                      const struct words *w, int32_t film)
{
    const char *title = r->films->title[film];
    if (w == &words_zh && r->films->title_zh && r->films->title_zh[film]) {
        title = r->films->title_zh[film];
    }
    bool ok = base_buffer_add_text(out, w->title_open);
    for (const char *c = title ? title : "?"; *c && ok; c++) {
        const bool is_control = (unsigned char)*c < 0x20 || *c == 0x7f;
        ok = base_buffer_add_char(out, is_control ? ' ' : *c);
    }
    return ok && base_buffer_add_text(out, w->title_close);
}

static bool add_number(struct base_buffer *out, const struct account *a,
                       const struct words *w, long number)
{
    if (a->is_share) {
        return base_buffer_print(out, "%ld", number) &&
               base_buffer_add_text(out, w->percent);
    }
    return base_buffer_print(out, "%s%ld.%03ld", number < 0 ? "-" : "+",
                             labs(number) / 1000, labs(number) % 1000);
}

static bool add_film(struct base_buffer *out, const struct rank_reason *r,
                     const struct account *a, const struct words *w, int32_t film,
                     long number)
{
    return add_title(out, r, w, film) && base_buffer_add_text(out, w->number_open) &&
           add_number(out, a, w, number) && base_buffer_add_text(out, w->number_close);
}

static bool add_named(struct base_buffer *out, const struct rank_reason *r,
                      const struct account *a, const struct words *w)
{
    bool ok = true;
    for (int32_t p = 0; p < a->n_named && ok; p++) {
        const char *before = p == 0 ? w->because : p + 1 < a->n_named ? w->comma : w->and;
        ok = base_buffer_add_text(out, before) &&
             add_film(out, r, a, w, r->part[p].film, a->number[p]);
    }
    if (a->n_despite > 0 && ok) {
        ok = base_buffer_add_text(out, a->n_named ? w->despite : w->despite_first) &&
             add_film(out, r, a, w, r->part[r->n_parts - 1].film, a->number[a->n_named]);
    }
    return ok;
}

/** The separator, unless the sentence began just now. */
static bool add_clause(struct base_buffer *out, size_t begin_bytes, const struct words *w)
{
    return out->n_bytes == begin_bytes || base_buffer_add_text(out, w->clause);
}

/** "; OPEN 12 %CLOSE"; nothing for 0. */
static bool add_other(struct base_buffer *out, size_t begin_bytes,
                      const struct account *a, const struct words *w, const char *open,
                      long number, const char *close)
{
    return number == 0 ||
           (add_clause(out, begin_bytes, w) && base_buffer_add_text(out, open) &&
            add_number(out, a, w, number) && base_buffer_add_text(out, close));
}

static bool add_sentence(struct base_buffer *out, const struct rank_reason *r,
                         const struct account *a, const struct words *w)
{
    const size_t begin_bytes = out->n_bytes;
    const long *last = a->number + a->n - N_LAST;
    bool ok = add_named(out, r, a, w);
    if (a->n_others > 0 && ok) {
        ok = add_clause(out, begin_bytes, w) &&
             base_buffer_add_text(out, w->others_open) &&
             base_buffer_print(out, "%d", (int)a->n_others) &&
             base_buffer_add_text(out,
                                  a->n_others == 1 ? w->others_one : w->others_many) &&
             add_number(out, a, w, last[OTHERS]) &&
             base_buffer_add_text(out, w->others_close);
    }
    ok = ok && add_other(out, begin_bytes, a, w, w->said_open, last[SAID], "") &&
         add_other(out, begin_bytes, a, w, w->situation_open, last[SITUATION], "") &&
         add_other(out, begin_bytes, a, w, w->explored_open, last[EXPLORED], "") &&
         add_other(out, begin_bytes, a, w, w->rest_open, last[REST], w->rest_close);
    if (!a->is_share && ok) {
        ok = add_clause(out, begin_bytes, w) && base_buffer_add_text(out, w->sum_open) &&
             add_number(out, a, w, a->total);
    }
    return ok;
}

static bool add_counts(struct base_buffer *out, const struct rank_reason *r,
                       const struct words *w)
{
    const int32_t first = w->is_total_first ? r->n_viewers : r->n_chosen;
    const int32_t second = w->is_total_first ? r->n_chosen : r->n_viewers;
    return base_buffer_add_text(out, w->count_open) &&
           base_buffer_print(out, "%d", (int)first) &&
           base_buffer_add_text(out, w->count_middle) &&
           base_buffer_print(out, "%d", (int)second) &&
           base_buffer_add_text(out, w->count_close);
}

/** Which parts are named. */
static struct account account_of(const struct rank_reason *r)
{
    struct account a = {0};
    if (!choose_unit(r, &a)) {
        return a;
    }
    while (a.n_named < r->n_named && a.n_named < r->n_parts &&
           r->part[a.n_named].amount > 0) {
        a.n_named++;
    }
    a.n_despite = r->n_parts > a.n_named && r->part[r->n_parts - 1].amount <= -a.unit;
    a.n_others = r->n_parts - a.n_named - a.n_despite;
    a.n = a.n_named + a.n_despite + N_LAST;
    return a;
}

enum reel_status rank_reason_write(const struct rank_reason *reason,
                                   struct base_buffer *out, struct reel_error *err)
{
    const struct words *w = strncmp(reason->lang, "zh", 2) == 0 ? &words_zh : &words_en;
    struct account a = account_of(reason);
    bool ok = false;
    const bool has_amounts =
        a.n_named + a.n_despite + a.n_others > 0 ||
        fabs(reason->said) + fabs(reason->situation) + fabs(reason->explored) > 0;
    if (a.n == 0 || !has_amounts) {
        ok = reason->n_chosen >= 0 ? add_counts(out, reason, w)
                                   : base_buffer_add_text(out, w->nothing);
    } else {
        a.amount = base_alloc_array((size_t)a.n, sizeof *a.amount);
        a.number = base_alloc_array((size_t)a.n, sizeof *a.number);
        if (a.amount && a.number) {
            fill_amounts(reason, &a);
            round_together(&a);
            ok = add_sentence(out, reason, &a, w);
        }
        base_free(a.amount);
        base_free(a.number);
    }
    return ok ? REEL_OK : fail(err, REEL_ENOMEM, "out of memory for a reason");
}

// ---- a film judged by its words ----

enum { WORDS_MAX = 16, LAST_WORDS = 4 };

/** What is told of a film of words: those for it, those against, then all else. */
struct spoken {
    struct reel_reason reason[WORDS_MAX + LAST_WORDS];
    int32_t n_for, n_against, n;
};

static bool is_spoken(const struct reel_reason *why)
{
    return why->name && !why->is_said &&
           (why->kind == REEL_REASON_TEXT || why->kind == REEL_REASON_PERSON ||
            why->kind == REEL_REASON_GENRE);
}

static struct spoken spoken_of(const struct rank_reason *r, const struct reel_reason *why,
                               int32_t n)
{
    struct spoken s = {.n = 0};
    double left = (double)r->score - r->said - r->situation - r->explored;
    for (int against = 0; against < 2; against++) {
        for (int32_t i = 0; i < n && s.n < WORDS_MAX; i++) {
            if (is_spoken(&why[i]) && (why[i].amount < 0) == (against == 1)) {
                s.reason[s.n++] = why[i];
                left -= why[i].amount;
            }
        }
        *(against ? &s.n_against : &s.n_for) = s.n - (against ? s.n_for : 0);
    }
    const double last[LAST_WORDS] = {r->said, r->situation, r->explored, left};
    for (int i = 0; i < LAST_WORDS; i++) {
        s.reason[s.n++] = (struct reel_reason){.amount = last[i]};
    }
    return s;
}

static bool add_words(struct base_buffer *out, const struct words *w,
                      const struct spoken *s, int32_t begin, int32_t n)
{
    const struct account plain = {.is_share = false};
    bool ok = true;
    for (int32_t i = begin; i < begin + n && ok; i++) {
        const char *before = i == begin ? "" : i + 1 < begin + n ? w->comma : w->and;
        ok = base_buffer_add_text(out, before) && base_buffer_add_text(out, "“") &&
             base_buffer_add_text(out, s->reason[i].name) &&
             base_buffer_add_text(out, "”") &&
             base_buffer_add_text(out, w->number_open) &&
             add_number(out, &plain, w, lround(1000 * s->reason[i].amount)) &&
             base_buffer_add_text(out, w->number_close);
    }
    return ok;
}

enum reel_status rank_reason_write_words(const struct rank_reason *reason,
                                         const struct reel_reason *why, int32_t n,
                                         struct base_buffer *out, struct reel_error *err)
{
    const struct words *w = strncmp(reason->lang, "zh", 2) == 0 ? &words_zh : &words_en;
    struct spoken s = spoken_of(reason, why, n);
    bool ok = base_buffer_add_text(out, w->by_text);
    if (s.n > LAST_WORDS && ok && fabs((double)reason->score) < AMOUNT_MAX) {
        const struct account plain = {.is_share = false};
        const char *const open[LAST_WORDS] = {w->said_open, w->situation_open,
                                              w->explored_open, w->else_open};
        const double sum = reel_reasons_round(s.reason, s.n, (double)reason->score, 3);
        ok = base_buffer_add_text(out, w->colon) && add_words(out, w, &s, 0, s.n_for);
        if (s.n_against > 0 && ok) {
            ok = base_buffer_add_text(out, s.n_for ? w->despite : w->despite_first) &&
                 add_words(out, w, &s, s.n_for, s.n_against);
        }
        for (int i = 0; i < LAST_WORDS && ok; i++) {
            ok = add_other(out, 0, &plain, w, open[i],
                           lround(1000 * s.reason[s.n - LAST_WORDS + i].amount), "");
        }
        ok = ok && add_other(out, 0, &plain, w, w->sum_open, lround(1000 * sum), "");
    }
    return ok ? REEL_OK : fail(err, REEL_ENOMEM, "out of memory for a reason");
}
