/**
 * What tends to follow what: interpolated n-grams over events (Jelinek and Mercer 1980).
 * Two in a row come from the transitions of the options (films' beats, viewers' choices)
 * and the film's own beats, three in a row from the latter. The weight of an order grows
 * with how often its context was seen, n / (n + m): a few hundred beats are too few to fit
 * weights on held-out data, and a context seen once must not decide.
 */
#include "plot_plan_parts.h"

#include "base_error.h"

#include <string.h>

static const double m3 = 4, m2 = 6, m1 = 20;

static void count(struct plan_data *d, int32_t from, int32_t to, double weight)
{
    d->count1[to] += weight;
    d->sum1 += weight;
    d->count2[(size_t)(from + 1) * (size_t)d->n_events + (size_t)to] += weight;
    d->sum2[from + 1] += weight;
}

enum reel_status plot_plan_data_init(struct plot_planner *p,
                                     const struct reel_fork_options *opt,
                                     struct reel_error *err)
{
    struct plan_data *d = &p->data;
    const size_t n = (size_t)p->schema->n_events;
    const size_t n_beats = (size_t)p->world->n_beats;
    d->n_events = p->schema->n_events;
    const size_t n_numbers = n + (n + 1) * n + n + 1;
    double *number = base_arena_alloc(&p->arena, n_numbers, sizeof *number);
    d->sequence = base_arena_alloc(&p->arena, n_beats + 1, sizeof *d->sequence);
    if (!number || !d->sequence) {
        return fail(err, REEL_ENOMEM, "planner of %zu events", n);
    }
    memset(number, 0, n_numbers * sizeof *number);
    d->count1 = number;
    d->count2 = number + n;
    d->sum2 = d->count2 + (n + 1) * n;
    for (int32_t i = 0; i < opt->n_transitions; i++) {
        const struct reel_transition *t = &opt->transition[i];
        const int32_t to = plot_schema_find(p->schema, t->to);
        const int32_t from = t->from[0] ? plot_schema_find(p->schema, t->from) : -1;
        // A name that this schema does not know was learned by another version: no use.
        if (to >= 0 && (from >= 0 || !t->from[0]) && t->weight > 0) {
            count(d, from, to, t->weight);
        }
    }
    int32_t last = -1;
    for (int32_t i = 0; i < p->world->n_beats; i++) {
        const int32_t event = p->world->beat[i].event;
        if (event >= 0) {
            count(d, last, event, 1);
            d->sequence[d->n_sequence++] = event;
            last = event;
        }
    }
    return REEL_OK;
}

double plot_plan_data_p(const struct plan_data *d, int32_t before, int32_t last,
                        int32_t event)
{
    double seen3 = 0, hit3 = 0;
    for (int32_t i = 2; last >= 0 && before >= 0 && i < d->n_sequence; i++) {
        if (d->sequence[i - 2] == before && d->sequence[i - 1] == last) {
            seen3++;
            hit3 += d->sequence[i] == event;
        }
    }
    double p = 1. / d->n_events;
    const double hit2 =
        d->count2[(size_t)(last + 1) * (size_t)d->n_events + (size_t)event];
    p = (d->count1[event] + m1 * p) / (d->sum1 + m1);
    p = (hit2 + m2 * p) / (d->sum2[last + 1] + m2);
    return (hit3 + m3 * p) / (seen3 + m3);
}
