/**
 * What could happen next. Every filling of every event that the graph allows is weighed:
 *
 *     score = P(event given the last two)        data, mix
 *           * genre: event weight, inner and outer change, intensity wanted here, tone
 *           * filling: the lead, who was in the last scenes, facts that the event prefers
 *           * what it does for the ending and for what must happen        graph, mix
 *           * a little chance from the seed
 *
 * The best are picked one by one, each pick making its like cheaper, and each is tried: can
 * what must happen, and an ending, still come after it? Repeating an event is avoided along
 * a path; only when nothing else is possible it is allowed.
 */
#include "plot_plan.h"

#include "base_alloc.h"
#include "base_error.h"
#include "plot_plan_parts.h"
#include "plot_template.h"

#include <math.h>
#include <string.h>

enum {
    PLANNER_BYTES_MAX = 256 << 20,
    SENTENCE_BYTES_MAX = 4096,
    N_RECENT = 3,     /* an event does not come back within so many steps */
    N_LOOK_AHEAD = 48 /* candidates whose ending is looked at */
};

/* ---- options ---- */

/** Edit distance, for "did you mean". */
static int distance(const char *x, const char *y)
{
    int row[64];
    const size_t n = strlen(y);
    if (n >= 64) {
        return 99;
    }
    for (size_t j = 0; j <= n; j++) {
        row[j] = (int)j;
    }
    for (size_t i = 0; x[i]; i++) {
        int diagonal = row[0];
        row[0] = (int)i + 1;
        for (size_t j = 1; j <= n; j++) {
            const int change = diagonal + (x[i] != y[j - 1]);
            diagonal = row[j];
            const int step = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            row[j] = change < step ? change : step;
        }
    }
    return row[n];
}

static enum reel_status find_event(const struct plot_schema *schema, const char *name,
                                   int32_t *event, struct reel_error *err)
{
    *event = plot_schema_find(schema, name);
    if (*event >= 0) {
        return REEL_OK;
    }
    int32_t best = -1;
    int best_distance = 99;
    for (int32_t i = 0; i < schema->n_events; i++) {
        const int d = distance(name, schema->event[i].name);
        if (d < best_distance) {
            best_distance = d;
            best = i;
        }
    }
    if (best_distance <= 3) {
        return fail(err, REEL_EINVAL, "there is no event '%.60s'; did you mean %s?", name,
                    schema->event[best].name);
    }
    return fail(err, REEL_EINVAL, "there is no event '%.60s'", name);
}

/** Bit of a tone. */
static enum reel_status find_tone(const struct plot_schema *schema, const char *tone,
                                  uint8_t *bits, struct reel_error *err)
{
    for (int32_t i = 0; i < schema->n_tones; i++) {
        if (strcmp(schema->tone[i], tone) == 0) {
            *bits = (uint8_t)(1U << i);
            return REEL_OK;
        }
    }
    return fail(err, REEL_EINVAL, "there is no tone '%.60s'", tone);
}

static int32_t genre_at(const struct plot_schema *schema, const char *name, size_t n)
{
    for (int32_t i = 0; i < schema->n_genres; i++) {
        if (strlen(schema->genre[i]) == n && memcmp(schema->genre[i], name, n) == 0) {
            return i;
        }
    }
    return -1;
}

/** The mean of the genres' strategies; weights of events by their geometric mean. */
static enum reel_status set_genres(struct plot_planner *p, const char *genres,
                                   bool is_option, struct reel_error *err)
{
    const struct plot_schema *schema = p->schema;
    int n = 0;
    p->inner = p->outer = p->intensity_begin = p->intensity_end = 0;
    for (int32_t e = 0; e < schema->n_events; e++) {
        p->weight[e] = 0; // sums of logarithms first
    }
    for (const char *at = genres; *at;) {
        at += strspn(at, ", ");
        size_t n_name = strcspn(at, ",");
        const char *next = at + n_name;
        while (n_name > 0 && at[n_name - 1] == ' ') {
            n_name--;
        }
        const int32_t g = n_name ? genre_at(schema, at, n_name) : -1;
        if (g < 0 && n_name && is_option) {
            return fail(err, REEL_EINVAL, "there is no genre '%.*s'", (int)n_name, at);
        }
        at = next;
        if (g < 0) {
            continue;
        }
        const struct plot_strategy *s = &schema->strategy[g];
        n++;
        p->inner += s->inner;
        p->outer += s->outer;
        p->intensity_begin += s->intensity_begin;
        p->intensity_end += s->intensity_end;
        p->tones_genre |= s->tones;
        for (int32_t e = 0; e < schema->n_events; e++) {
            const double w =
                (double)s->event_weight[e] * (double)schema->event[e].genre_weight[g];
            p->weight[e] += log(w > 1e-3 ? w : 1e-3);
        }
    }
    if (n == 0) {
        p->inner = p->outer = 1;
        p->intensity_begin = .4;
        p->intensity_end = .75;
    }
    const double share = n > 0 ? 1. / n : 1;
    p->inner *= share;
    p->outer *= share;
    p->intensity_begin *= share;
    p->intensity_end *= share;
    for (int32_t e = 0; e < schema->n_events; e++) {
        p->weight[e] = exp(p->weight[e] * share);
    }
    return REEL_OK;
}

static enum reel_status set_ending(struct plot_planner *p, const char *ending,
                                   struct reel_error *err)
{
    static const char *const endings[] = {"happy", "bittersweet", "tragic", "open"};
    for (size_t i = 0; ending && i < sizeof endings / sizeof *endings; i++) {
        if (strcmp(endings[i], ending) == 0) {
            p->ending = endings[i];
            return REEL_OK;
        }
    }
    return ending
               ? fail(err, REEL_EINVAL,
                      "ending '%.40s' is not happy, bittersweet, tragic or open", ending)
               : REEL_OK;
}

/** What may not happen weighs nothing; what must is kept by index, each once. */
static enum reel_status set_musts(struct plot_planner *p,
                                  const struct reel_fork_options *opt,
                                  struct reel_error *err)
{
    enum reel_status rc = REEL_OK;
    int32_t event = -1;
    for (int32_t i = 0; i < p->schema->n_events; i++) {
        if (opt->max_age >= 0 && p->schema->event[i].min_age > opt->max_age) {
            p->weight[i] = 0;
        }
    }
    for (int32_t i = 0; rc == REEL_OK && i < opt->n_must_not; i++) {
        rc = find_event(p->schema, opt->must_not[i], &event, err);
        if (rc == REEL_OK) {
            p->weight[event] = 0;
        }
    }
    for (int32_t i = 0; rc == REEL_OK && i < opt->n_must; i++) {
        rc = find_event(p->schema, opt->must[i], &event, err);
        if (rc != REEL_OK) {
            break;
        }
        if (p->weight[event] == 0) {
            return fail(err, REEL_EINVAL, "'%s' must happen and may not happen",
                        opt->must[i]);
        }
        bool is_new = true;
        for (int32_t k = 0; k < p->n_must; k++) {
            is_new = is_new && p->must[k] != event;
        }
        if (is_new && p->n_must == PLAN_MUST_MAX) {
            return fail(err, REEL_EINVAL, "more than %d events must happen",
                        PLAN_MUST_MAX);
        }
        if (is_new) {
            p->must[p->n_must++] = event;
        }
    }
    return rc;
}

static enum reel_status set_up(struct plot_planner *p,
                               const struct reel_fork_options *opt,
                               struct reel_error *err)
{
    p->method = opt->method;
    p->seed = opt->seed;
    p->n_candidates_max = 1 << 14;
    p->weight =
        base_arena_alloc(&p->arena, (size_t)p->schema->n_events, sizeof *p->weight);
    p->binding = base_arena_alloc(&p->arena, PLAN_BINDINGS_MAX, sizeof *p->binding);
    p->candidate =
        base_arena_alloc(&p->arena, (size_t)p->n_candidates_max, sizeof *p->candidate);
    p->n_told =
        base_arena_alloc(&p->arena, (size_t)p->schema->n_events, sizeof *p->n_told);
    if (!p->weight || !p->binding || !p->candidate || !p->n_told) {
        return fail(err, REEL_ENOMEM, "planner: out of memory");
    }
    memset(p->n_told, 0, (size_t)p->schema->n_events * sizeof *p->n_told);
    enum reel_status rc =
        set_genres(p, opt->genre ? opt->genre : p->world->genre, opt->genre != NULL, err);
    rc = rc || !opt->tone ? rc : find_tone(p->schema, opt->tone, &p->tones_wanted, err);
    rc = rc ? rc : set_ending(p, opt->ending, err);
    rc = rc ? rc : set_musts(p, opt, err);
    rc = rc ? rc : plot_plan_data_init(p, opt, err);
    for (size_t i = 0; rc == REEL_OK && i < sizeof p->graph / sizeof *p->graph; i++) {
        rc = plot_graph_init(&p->graph[i], p->world, err);
    }
    return rc;
}

enum reel_status plot_planner_create(const struct plot_world *world,
                                     const struct reel_fork_options *opt,
                                     struct plot_planner **out, struct reel_error *err)
{
    *out = NULL;
    struct plot_planner *p = base_alloc_zeroed(1, sizeof *p);
    if (!p) {
        return fail(err, REEL_ENOMEM, "planner: out of memory");
    }
    p->world = world;
    base_arena_init(&p->arena, PLANNER_BYTES_MAX);
    enum reel_status rc = plot_schema_get(&p->schema, err);
    rc = rc ? rc : set_up(p, opt, err);
    if (rc != REEL_OK) {
        plot_planner_free(p);
        return rc;
    }
    *out = p;
    return REEL_OK;
}

void plot_planner_free(struct plot_planner *planner)
{
    if (planner) {
        for (size_t i = 0; i < sizeof planner->graph / sizeof *planner->graph; i++) {
            plot_graph_release(&planner->graph[i]);
        }
        base_arena_release(&planner->arena);
        base_free(planner);
    }
}

/* ---- the path so far, the opening's beats before it ---- */

struct past {
    const struct plot_planner *p;
    const struct plot_graph *graph;
    const struct plot_step *path;
    int32_t n_path, depth_left;
    uint32_t rest; /* of what must happen */
    int32_t lead;
    double intensity; /* wanted now */
    uint64_t hash;    /* of seed and path */
    bool may_repeat;
};

/** The step `back` before the next one; event -1 when there is none. */
static int32_t past_event(const struct past *past, int32_t back, const int32_t **role)
{
    static const int32_t none[PLOT_ROLES] = {-1, -1, -1, -1, -1, -1};
    const int32_t i = past->n_path - back;
    *role = none;
    if (i >= 0) {
        *role = past->path[i].role;
        return past->path[i].event;
    }
    const int32_t beat = past->p->world->n_opening_beats + i;
    if (beat < 0) {
        return -1;
    }
    *role = past->p->world->beat[beat].role;
    return past->p->world->beat[beat].event;
}

static int32_t past_length(const struct past *past)
{
    return past->n_path + past->p->world->n_opening_beats;
}

static uint64_t mix_in(uint64_t h, uint64_t x)
{
    h = (h ^ x) * 0x9e3779b97f4a7c15U;
    return h ^ h >> 31;
}

static void past_init(struct past *past, const struct plot_planner *p,
                      const struct plot_graph *graph, const struct plot_step *path,
                      int32_t n_path, int32_t depth_left)
{
    *past = (struct past){.p = p,
                          .graph = graph,
                          .path = path,
                          .n_path = n_path,
                          .depth_left = depth_left,
                          .lead = plot_plan_lead(p, graph),
                          .hash = mix_in(0x517cc1b727220a95U, p->seed)};
    for (int32_t i = 0; i < p->n_must; i++) {
        past->rest |= 1U << i;
    }
    for (int32_t i = 0; i < n_path; i++) {
        past->hash = mix_in(past->hash, (uint64_t)path[i].event);
        for (int r = 0; r < PLOT_ROLES; r++) {
            past->hash = mix_in(past->hash, (uint64_t)((int64_t)path[i].role[r] + 1));
        }
        for (int32_t k = 0; k < p->n_must; k++) {
            past->rest &= ~(p->must[k] == path[i].event ? 1U << k : 0);
        }
    }
    const double t = depth_left + n_path > 0 ? (double)n_path / (depth_left + n_path) : 1;
    past->intensity = p->intensity_begin + t * (p->intensity_end - p->intensity_begin);
}

static uint32_t without(const struct past *past, int32_t event)
{
    uint32_t rest = past->rest;
    for (int32_t k = 0; k < past->p->n_must; k++) {
        rest &= ~(past->p->must[k] == event ? 1U << k : 0);
    }
    return rest;
}

/* ---- weighing ---- */

/** What genre, tone and data say of an event here, whoever is in it. */
static double weigh_event(const struct past *past, int32_t event)
{
    const struct plot_planner *p = past->p;
    const struct plot_event *e = &p->schema->event[event];
    const int32_t *role;
    double w = p->weight[event];
    const bool is_inner = e->change & PLOT_INNER, is_outer = e->change & PLOT_OUTER;
    w *= is_inner && is_outer ? (p->inner + p->outer) / 2
         : is_inner           ? p->inner
                              : p->outer;
    const double off = (e->intensity - past->intensity) / .3;
    w *= .1 + exp(-.5 * off * off);
    if (p->tones_wanted) {
        w *= e->tones & p->tones_wanted ? 1.8 : .4;
    } else if (p->tones_genre) {
        w *= e->tones & p->tones_genre ? 1.2 : .8;
    }
    if (p->method != REEL_METHOD_GRAPH) {
        const int32_t last = past_event(past, 1, &role);
        const int32_t before = past_event(past, 2, &role);
        const double lift =
            p->schema->n_events * plot_plan_data_p(&p->data, before, last, event);
        w *= p->method == REEL_METHOD_DATA ? lift : pow(lift, .6);
    }
    for (int32_t k = 0; k < p->n_must; k++) {
        if (past->rest & 1U << k && p->must[k] == event) {
            w *= 1 + 6. / (past->depth_left + 1);
        }
    }
    if (past->depth_left > 0 && e->ending) {
        w *= .6; // kept for the end
    }
    return w;
}

/** How an event that was on the path already may come back: 0 not at all. */
static double weigh_repeat(const struct past *past, int32_t event, const int32_t *role)
{
    double w = 1;
    for (int32_t back = 1; back <= past_length(past); back++) {
        const int32_t *role_then;
        if (past_event(past, back, &role_then) != event) {
            continue;
        }
        const bool is_same = !memcmp(role_then, role, 3 * sizeof *role);
        if (is_same || back <= N_RECENT) {
            return past->may_repeat ? .05 / back : 0;
        }
        w *= .25;
    }
    return w;
}

static double weigh_filling(const struct past *past, const struct plot_event *event,
                            const int32_t *role)
{
    double w = plot_plan_preference(past->graph, event, role);
    w *= role[PLOT_A] == past->lead   ? 2.4
         : role[PLOT_B] == past->lead ? 1.8
         : role[PLOT_C] == past->lead ? 1
                                      : .45;
    for (int32_t back = 1; back <= 2; back++) {
        const int32_t *then;
        past_event(past, back, &then);
        for (int r = PLOT_A; r <= PLOT_C; r++) {
            const int32_t who = role[r];
            if (who >= 0 && who != past->lead &&
                (who == then[PLOT_A] || who == then[PLOT_B] || who == then[PLOT_C])) {
                w *= back == 1 ? 1.3 : 1.15;
            }
        }
    }
    const struct plot_term together = {
        .relation = PLOT_SAME_PLACE, .subject = PLOT_A, .object = PLOT_B};
    return w * (plot_graph_term(past->graph, &together, role) ? 1.25 : 1);
}

static bool may_stand(const struct past *past, int32_t event, const int32_t *role)
{
    if (past->depth_left > 0) {
        return true;
    }
    return without(past, event) == 0 &&
           plot_plan_is_end(past->p, past->graph, event, role);
}

/** All that is possible, weighed. */
static int32_t list_candidates(struct plot_planner *p, const struct past *past)
{
    struct plan_cast cast;
    plot_plan_cast(p, past->graph, &cast);
    struct base_rng rng;
    base_rng_init(&rng, past->hash, 1);
    int32_t n = 0;
    for (int32_t e = 0; e < p->schema->n_events; e++) {
        const double chance = exp(.5 * base_rng_normal(&rng));
        if (!(p->weight[e] > 0)) {
            continue;
        }
        const double w_event = weigh_event(past, e) * chance;
        const int32_t n_bindings = plot_plan_bindings(p, past->graph, &cast, e, NULL,
                                                      p->binding, PLAN_BINDINGS_MAX);
        for (int32_t i = 0; i < n_bindings && n < p->n_candidates_max; i++) {
            const int32_t *role = p->binding[i];
            double w = w_event * weigh_repeat(past, e, role);
            if (w > 0 && may_stand(past, e, role)) {
                w *= weigh_filling(past, &p->schema->event[e], role) *
                     (.75 + .5 * base_rng_double(&rng));
                struct plan_candidate *c = &p->candidate[n++];
                *c = (struct plan_candidate){.event = e, .score = w};
                memcpy(c->role, role, sizeof c->role);
            }
        }
    }
    return n;
}

/* ---- picking ---- */

static bool is_same_step(const struct plan_candidate *x, const struct plan_candidate *y)
{
    return x->event == y->event && !memcmp(x->role, y->role, sizeof x->role);
}

/** What picked siblings leave of a candidate's worth. */
static double likeness_cost(const struct plan_candidate *c,
                            const struct plan_candidate *picked)
{
    double w = 1;
    if (c->event == picked->event) {
        w *= .12;
    }
    const int32_t *x = c->role, *y = picked->role;
    if (x[PLOT_A] == y[PLOT_A] && x[PLOT_B] == y[PLOT_B]) {
        w *= .55;
    } else if (x[PLOT_A] == y[PLOT_B] && x[PLOT_B] == y[PLOT_A]) {
        w *= .65;
    } else if (x[PLOT_A] == y[PLOT_A]) {
        w *= .85;
    }
    return w;
}

static void happen_in(struct plot_planner *p, struct plot_graph *after,
                      const struct past *past, const struct plan_candidate *c)
{
    plot_graph_assign(after, past->graph);
    plot_graph_happen(after, &p->schema->event[c->event], c->role);
}

/** Can the story still go where it must after this? The lead does not die on the way. */
static bool is_sound(struct plot_planner *p, const struct past *past,
                     const struct plan_candidate *c)
{
    if (past->depth_left == 0) {
        return true;
    }
    struct plot_graph *after = &p->graph[PLAN_DEPTH_MAX + 1];
    happen_in(p, after, past, c);
    return plot_plan_lead(p, after) == past->lead &&
           plot_plan_reaches(p, after, without(past, c->event), past->depth_left, NULL);
}

/** The graph's say: steps that bring the ending nearer are worth more. */
static void look_ahead(struct plot_planner *p, const struct past *past, int32_t n)
{
    if (p->method == REEL_METHOD_DATA || past->depth_left == 0) {
        return;
    }
    double least = 0; // the N_LOOK_AHEADth best score, roughly: by halving
    double low = 0, high = 0;
    for (int32_t i = 0; i < n; i++) {
        high = p->candidate[i].score > high ? p->candidate[i].score : high;
    }
    for (int step = 0; step < 20; step++) {
        least = (low + high) / 2;
        int32_t n_above = 0;
        for (int32_t i = 0; i < n; i++) {
            n_above += p->candidate[i].score >= least;
        }
        if (n_above > N_LOOK_AHEAD) {
            low = least;
        } else {
            high = least;
        }
    }
    const double now = plot_plan_ending_value(p, past->graph);
    for (int32_t i = 0; i < n; i++) {
        struct plan_candidate *c = &p->candidate[i];
        if (c->score < high) {
            c->score *= .7;
            continue;
        }
        struct plot_graph *after = &p->graph[PLAN_DEPTH_MAX + 1];
        happen_in(p, after, past, c);
        const double then = plot_plan_ending_value(p, after);
        const double ratio = now > 0 && then > 0 ? sqrt(then / now) : then > 0 ? 2 : .5;
        c->score *= ratio < .5 ? .5 : ratio > 2 ? 2 : ratio;
    }
}

/** The best that is left, with what the picked ones leave of it; -1 none. */
static int32_t pick_one(const struct plot_planner *p, int32_t n,
                        const struct plan_candidate *picked, int32_t n_picked)
{
    int32_t best = -1;
    double best_score = 0;
    for (int32_t i = 0; i < n; i++) {
        const struct plan_candidate *c = &p->candidate[i];
        double score = c->state == PLAN_UNTRIED ? c->score : 0;
        if (score <= best_score) {
            continue;
        }
        for (int32_t k = 0; k < n_picked && score > best_score; k++) {
            score *= likeness_cost(c, &picked[k]);
        }
        if (score > best_score) {
            best_score = score;
            best = i;
        }
    }
    return best;
}

static int32_t pick_steps(struct plot_planner *p, const struct past *past, int32_t n,
                          struct plan_candidate *picked, int32_t n_max)
{
    enum { TRIES_MAX = 120 };
    int32_t n_picked = 0;
    for (int tries = 0; n_picked < n_max && tries < TRIES_MAX; tries++) {
        const int32_t i = pick_one(p, n, picked, n_picked);
        if (i < 0) {
            break;
        }
        if (is_sound(p, past, &p->candidate[i])) {
            p->candidate[i].state = PLAN_PICKED;
            picked[n_picked++] = p->candidate[i];
        } else {
            p->candidate[i].state = PLAN_UNSOUND;
        }
    }
    return n_picked;
}

/* ---- words ---- */

static uint64_t known_entities(const struct past *past)
{
    uint64_t seen = 0;
    for (int32_t back = 1; back <= past_length(past); back++) {
        const int32_t *role;
        past_event(past, back, &role);
        for (int r = 0; r < PLOT_ROLES; r++) {
            seen |= role[r] < 0 ? 0 : (uint64_t)1 << role[r];
        }
    }
    return seen;
}

static enum reel_status fill_template(struct plot_planner *p, const char *text,
                                      const int32_t *role, uint64_t seen,
                                      const char **out, struct reel_error *err)
{
    struct base_buffer buffer;
    base_buffer_init(&buffer, SENTENCE_BYTES_MAX);
    enum reel_status rc = plot_template_fill(text, p->world, role, seen, &buffer, err);
    if (rc == REEL_OK) {
        *out = base_arena_strndup(&p->arena, base_buffer_text(&buffer), buffer.n_bytes);
        rc = *out ? REEL_OK : fail(err, REEL_ENOMEM, "planned sentence: out of memory");
    }
    base_buffer_release(&buffer);
    return rc;
}

/**
 * One of the templates that fit, by chance; `turn` moves on from it, so that one event is told
 * differently each time in a story. Those about the scene's place are twice as likely.
 */
static const char *choose_sentence(const struct past *past, const struct plot_step *step,
                                   int32_t turn)
{
    enum { FITTING_MAX = 64 };
    const struct plot_event *event = &past->p->schema->event[step->event];
    const int l = past->p->world->language[0] == 'z';
    const char *fitting[FITTING_MAX];
    uint32_t n = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (int32_t i = 0; i < event->n_sentences[l] && n < FITTING_MAX; i++) {
            const char *text = event->sentence[l][i];
            if (plot_template_fits(text, step->role) &&
                (pass == 0 || plot_template_mentions(text, PLOT_PLACE))) {
                fitting[n++] = text;
            }
        }
    }
    const uint64_t chance = mix_in(past->p->seed, (uint64_t)step->event) >> 33;
    return n ? fitting[(chance + (uint64_t)turn) % n] : NULL;
}

/**
 * What the lead does is put to the player as a deed ("Tell {b} the truth"), what others do
 * with their name ("Let {a} speak"); `skip` of the fitting ones are passed over.
 */
static const char *choose_choice(const struct past *past, const struct plot_step *step,
                                 int32_t skip)
{
    const struct plot_event *event = &past->p->schema->event[step->event];
    const int l = past->p->world->language[0] == 'z';
    const bool is_named = step->role[PLOT_A] != past->lead;
    for (int pass = 0; pass < 2; pass++) {
        for (int32_t i = 0; i < event->n_choices[l]; i++) {
            const char *text = event->choice[l][i];
            const bool is_of_kind = plot_template_mentions(text, PLOT_A) == is_named;
            if (is_of_kind == (pass == 0) && plot_template_fits(text, step->role) &&
                skip-- == 0) {
                return text;
            }
        }
    }
    return NULL;
}

static enum reel_status word_step(struct plot_planner *p, const struct past *past,
                                  struct plot_step *step, int32_t i, uint64_t seen,
                                  struct reel_error *err)
{
    const char *text = choose_sentence(past, &step[i], p->n_told[step[i].event]++);
    if (!text) {
        return fail(err, REEL_EFAIL, "event '%s' has no sentence for its roles",
                    p->schema->event[step[i].event].name);
    }
    enum reel_status rc =
        fill_template(p, text, step[i].role, seen, &step[i].sentence, err);
    const char *template = choose_choice(past, &step[i], 0);
    for (int32_t skip = 1; rc == REEL_OK && template; skip++) {
        rc = fill_template(p, template, step[i].role, UINT64_MAX, &step[i].choice, err);
        bool is_new = true;
        for (int32_t k = 0; rc == REEL_OK && k < i; k++) {
            is_new = is_new && strcmp(step[k].choice, step[i].choice) != 0;
        }
        template = is_new ? NULL : choose_choice(past, &step[i], skip);
    }
    return rc;
}

static enum reel_status hand_out(struct plot_planner *p, const struct past *past,
                                 struct plan_candidate *picked, int32_t n_picked,
                                 struct plot_step *step, struct reel_error *err)
{
    double sum = 0;
    for (int32_t i = 0; i < n_picked; i++) {
        sum += picked[i].score;
        for (int32_t k = i; k > 0 && picked[k].score > picked[k - 1].score; k--) {
            const struct plan_candidate swap = picked[k];
            picked[k] = picked[k - 1];
            picked[k - 1] = swap;
        }
    }
    const uint64_t seen = known_entities(past);
    enum reel_status rc = REEL_OK;
    for (int32_t i = 0; rc == REEL_OK && i < n_picked; i++) {
        step[i] = (struct plot_step){.event = picked[i].event,
                                     .p = sum > 0 ? picked[i].score / sum : 0,
                                     .is_ending = past->depth_left == 0};
        memcpy(step[i].role, picked[i].role, sizeof step[i].role);
        rc = word_step(p, past, step, i, seen, err);
    }
    return rc;
}

enum reel_status plot_plan_next(struct plot_planner *p, const struct plot_graph *graph,
                                const struct plot_step *path, int32_t n_path,
                                int32_t depth_left, int32_t n_max, struct plot_step *step,
                                int32_t *n, struct reel_error *err)
{
    enum { PICKED_MAX = 64 };
    *n = 0;
    struct past past;
    past_init(&past, p, graph, path, n_path, depth_left);
    struct plan_candidate first, picked[PICKED_MAX];
    if (past.lead < 0) {
        return past.rest ? plot_plan_explain(p, graph, past.rest, depth_left + 1, err)
                         : REEL_OK;
    }
    if (!plot_plan_reaches(p, graph, past.rest, depth_left + 1, &first)) {
        return plot_plan_explain(p, graph, past.rest, depth_left + 1, err);
    }
    n_max = n_max < PICKED_MAX ? n_max : PICKED_MAX;
    int32_t n_picked = 0;
    for (int pass = 0; pass < 2 && n_picked == 0; pass++) {
        past.may_repeat = pass == 1;
        const int32_t n_candidates = list_candidates(p, &past);
        look_ahead(p, &past, n_candidates);
        for (int32_t i = 0; first.event >= 0 && i < n_candidates; i++) {
            if (is_same_step(&first, &p->candidate[i])) {
                p->candidate[i].score *= 2; // on the way to what must happen
            }
        }
        n_picked = pick_steps(p, &past, n_candidates, picked, n_max);
    }
    if (n_picked == 0 && first.event >= 0) {
        first.score = 1;
        picked[n_picked++] = first;
    }
    const enum reel_status rc = hand_out(p, &past, picked, n_picked, step, err);
    *n = rc == REEL_OK ? n_picked : 0;
    return rc;
}
