/**
 * Sequence: what a viewer chooses next, from the order of what they chose before.
 *
 * A causal transformer over the history (Kang, McAuley 2018, "SASRec"), trained with the
 * softmax over all films instead of sampled negatives (Klenitskiy, Vasilev 2023):
 *
 *   x_t   = E[film_t] + P[t]                                 (t counts from the window's start)
 *   x    += O attention(Q n(x), K n(x), V n(x));  x += D silu(U n(x))      for every layer
 *   score = E n(x_T) + b + sum_h w_h r_h(now),    n(x) = gain * x / rms(x)
 *
 * Departures: root mean square norm before each part, because ggml has no backward pass of
 * the layer norm; silu; and r_h, the recency-popularity of every film at that time:
 *
 *   r_hi(t) = log(c + sum over choices e of film i before the day of t of 2^(-(t - at_e)/h))
 *
 * less its mean over films, for half-lives h of 7 and 90 days; w_h is learnt. To be asked
 * for at any time without the events, the model keeps decayed sums beside each event's time.
 *
 * A history is the last `window` films by time. Learning cuts histories into windows, half
 * of the time at a random offset. Three things follow from how histories come about and lists
 * are used, and each made held-out films likelier:
 *
 *   - the softmax leaves out what the viewer has seen by then, as a list does;
 *   - films chosen in the same second have no order, so each epoch draws one;
 *   - what is wanted is the next film, and half as much the one after it, and so on for
 *     `ahead` films, because which of them came first is mostly chance.
 *
 * Scoring is a plain forward pass here, without ggml; the
 * graph that was trained is its twin (sequence_score_by_graph).
 *
 * explain: a part is what the score loses without that film, the model asked anew; what the
 * parts do not add up to is the rest.
 */
#include "model_sequence.h"
#include "base_alloc.h"
#include "base_csr.h"
#include "base_error.h"
#include "base_linalg.h"
#include "base_net.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum setting_place {
    S_FACTORS,
    S_LAYERS,
    S_HEADS,
    S_WINDOW,
    S_EPOCHS,
    S_BATCH,
    S_RATE,
    S_DROPOUT,
    S_DECAY,
    S_AHEAD,
    N_SETTINGS
};

enum { N_LAYERS_MAX = 8 };

static const struct reel_setting settings[N_SETTINGS] = {
    {"factors", 64, 4, 1024, REEL_SCALE_INTEGER, "length of a vector", NULL, false},
    {"layers", 2, 1, N_LAYERS_MAX, REEL_SCALE_INTEGER, "layers of attention", NULL,
     false},
    {"heads", 2, 1, 16, REEL_SCALE_INTEGER, "heads of attention; they share the factors",
     NULL, false},
    {"window", 50, 2, 1000, REEL_SCALE_INTEGER, "films looked back on", NULL, false},
    {"epochs", 60, 1, 10000, REEL_SCALE_INTEGER, "passes over all choices", NULL, false},
    {"batch", 32, 1, 4096, REEL_SCALE_INTEGER, "windows of a step", NULL, false},
    {"rate", 1e-3, 1e-6, 1, REEL_SCALE_LOG, "length of a step", NULL, true},
    {"dropout", 0.3, 0, 0.9, REEL_SCALE_LINEAR, "share of numbers left out in learning",
     NULL, true},
    {"decay", 0.01, 0, 10, REEL_SCALE_LOG, "pull of weights to zero", NULL, true},
    {"ahead", 3, 1, 100, REEL_SCALE_INTEGER, "films ahead that are learnt to be likely",
     NULL, false},
};

/* ---- the parameters ---- */

enum { N_RECENT = 2, DAY_S = 86400, N_BUCKETS_MAX = 256 };

static const double half_life_days[N_RECENT] = {7, 90};
#define RECENT_FLOOR 0.1 /* c: a film that nobody chose lately */

enum param { P_FILMS, P_PLACES, P_BIAS, P_RECENT, P_GAIN = P_RECENT + N_RECENT, P_LAYER };
enum layer { L_GAIN_A, L_Q, L_K, L_V, L_O, L_GAIN_F, L_UP, L_DOWN, N_LAYER };
enum { N_PARAMS_MAX = P_LAYER + N_LAYERS_MAX * N_LAYER + N_RECENT, WIDEN = 4 };

struct shape {
    int32_t n_films, d, n_layers, n_heads, window;
    int32_t n_params; /* learnt ones; the tables of r come after them */
};

static struct shape shape_of(int32_t n_films, const double *setting)
{
    const int32_t n_layers = (int32_t)setting[S_LAYERS];
    return (struct shape){.n_films = n_films,
                          .d = (int32_t)setting[S_FACTORS],
                          .n_layers = n_layers,
                          .n_heads = (int32_t)setting[S_HEADS],
                          .window = (int32_t)setting[S_WINDOW],
                          .n_params = P_LAYER + n_layers * N_LAYER};
}

static int32_t layer_param(int32_t layer, enum layer which)
{
    return P_LAYER + layer * N_LAYER + (int32_t)which;
}

// The learnt parameters in their order, which is also that of section MODEL_NET.
static void list_params(const struct shape *s, struct base_net_param *param)
{
    const int64_t d = s->d;
    param[P_FILMS] =
        (struct base_net_param){"films", d, s->n_films, 0, 0.05, true, false, 0};
    param[P_PLACES] =
        (struct base_net_param){"places", d, s->window, 0, 0.05, true, false, 0};
    param[P_BIAS] = (struct base_net_param){"bias", s->n_films, 1, 0, 0, false, false, 0};
    for (int32_t h = 0; h < N_RECENT; h++) {
        param[P_RECENT + h] =
            (struct base_net_param){"recent", 1, 1, 0.1, 0, false, false, 0};
    }
    param[P_GAIN] = (struct base_net_param){"gain", d, 1, 1, 0, false, false, 0};
    for (int32_t l = 0; l < s->n_layers; l++) {
        for (int w = 0; w < N_LAYER; w++) {
            struct base_net_param *p = &param[layer_param(l, (enum layer)w)];
            if (w == L_GAIN_A || w == L_GAIN_F) {
                *p = (struct base_net_param){"gain", d, 1, 1, 0, false, false, 0};
            } else {
                *p = (struct base_net_param){"weights",
                                             w == L_DOWN ? WIDEN * d : d,
                                             w == L_UP ? WIDEN * d : d,
                                             0,
                                             0.06,
                                             true,
                                             false,
                                             0};
            }
        }
    }
}

static uint64_t count_numbers(const struct base_net_param *param, int32_t n)
{
    uint64_t sum = 0;
    for (int32_t i = 0; i < n; i++) {
        sum += (uint64_t)param[i].n_0 * (uint64_t)param[i].n_1;
    }
    return sum;
}

/** The parameters as they lie in the model. */
struct view {
    struct shape shape;
    const float *param[N_PARAMS_MAX];
};

static struct view view_of(const struct reel_model *model)
{
    struct view view = {.shape =
                            shape_of(model->header->n_films, model->header->setting)};
    struct base_net_param param[N_PARAMS_MAX];
    list_params(&view.shape, param);
    const float *at = model_floats(model, MODEL_NET);
    for (int32_t i = 0; i < view.shape.n_params; i++) {
        view.param[i] = at;
        at += param[i].n_0 * param[i].n_1;
    }
    return view;
}

/* ---- recency-popularity ---- */

struct event {
    int64_t at_s;
    int32_t film;
};

static int by_film_and_time(const void *a, const void *b)
{
    const struct event *x = a, *y = b;
    return x->film != y->film ? (x->film > y->film) - (x->film < y->film)
                              : (x->at_s > y->at_s) - (x->at_s < y->at_s);
}

static double decayed(double sum, int64_t from_s, int64_t to_s, int32_t h)
{
    const double age_s = (double)to_s - (double)from_s;
    return sum * exp2(-age_s / (half_life_days[h] * DAY_S));
}

// Sections START, TIMES and RECENT: a film's events by time, with the sums up to each.
static enum reel_status keep_events(struct reel_model *model,
                                    const struct reel_training *data,
                                    struct reel_error *err)
{
    const int64_t n = data->chosen.start[data->chosen.n_rows];
    struct event *event = base_alloc_array((size_t)n, sizeof *event);
    if (!event) {
        return fail(err, REEL_ENOMEM, "sequence: %lld choices", (long long)n);
    }
    for (int64_t e = 0; e < n; e++) {
        event[e] = (struct event){data->at_s[e], data->chosen.col[e]};
    }
    qsort(event, (size_t)n, sizeof *event, by_film_and_time);
    int64_t *start = model_longs(model, MODEL_START),
            *at_s = model_longs(model, MODEL_TIMES);
    float *recent = model_floats(model, MODEL_RECENT);
    for (int64_t e = 0; e < n; e++) {
        const bool is_first = e == 0 || event[e].film != event[e - 1].film;
        start[event[e].film + 1]++;
        at_s[e] = event[e].at_s;
        for (int32_t h = 0; h < N_RECENT; h++) {
            const float *before = recent + (e - 1) * N_RECENT;
            recent[e * N_RECENT + h] =
                1 + (is_first
                         ? 0
                         : (float)decayed((double)before[h], at_s[e - 1], at_s[e], h));
        }
    }
    for (int32_t i = 0; i < data->chosen.n_cols; i++) {
        start[i + 1] += start[i];
    }
    base_free(event);
    return REEL_OK;
}

static int64_t day_of(int64_t at_s)
{
    const int64_t far_s = (int64_t)1 << 50; // unknown times are the smallest number
    at_s = at_s < -far_s ? -far_s : at_s > far_s ? far_s : at_s;
    return at_s / DAY_S - (at_s % DAY_S < 0);
}

// r_h of all films at the beginning of a day.
static void recent_at(const struct reel_model *model, int64_t day, int32_t h, float *out)
{
    const int64_t *start = model_longs(model, MODEL_START);
    const int64_t *at_s = model_longs(model, MODEL_TIMES), now_s = day * DAY_S;
    const float *recent = model_floats(model, MODEL_RECENT);
    const int32_t n_films = model->header->n_films;
    double sum = 0;
    for (int32_t i = 0; i < n_films; i++) {
        int64_t low = start[i], high = start[i + 1]; // the first event that is not before
        while (low < high) {
            const int64_t middle = low + (high - low) / 2;
            *(at_s[middle] < now_s ? &low : &high) =
                at_s[middle] < now_s ? middle + 1 : middle;
        }
        const double count = low == start[i]
                                 ? 0
                                 : decayed((double)recent[(low - 1) * N_RECENT + h],
                                           at_s[low - 1], now_s, h);
        out[i] = (float)log(RECENT_FLOOR + count);
        sum += (double)out[i];
    }
    for (int32_t i = 0; i < n_films; i++) {
        out[i] -= (float)(sum / n_films);
    }
}

/* ---- histories in order ---- */

struct placed {
    int64_t at_s;
    int32_t film, entry;
};

static int by_time(const void *a, const void *b)
{
    const struct placed *x = a, *y = b;
    return x->at_s != y->at_s ? (x->at_s > y->at_s) - (x->at_s < y->at_s)
                              : (x->film > y->film) - (x->film < y->film);
}

/** Choices in time, viewer after viewer, and the days on which any were made. */
struct timeline {
    const struct reel_csr *chosen;
    int32_t *film;   /* (entries) */
    int32_t *bucket; /* (entries) into day */
    bool *is_tied;   /* (entries) chosen in the second of the one before */
    int64_t *day;    /* (n_buckets) the first day of each */
    int32_t n_buckets;
    int64_t *window; /* (n_windows, 2) viewer, end */
    int32_t n_windows;
    struct shape shape;
    double dropout;
    int32_t n_ahead;
};

static int by_long(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

// The days of all choices; where they are too many, neighbours share a bucket.
static bool make_buckets(struct timeline *line, const int64_t *at_s, int64_t n)
{
    line->day = base_alloc_array((size_t)n, sizeof *line->day);
    if (!line->day) {
        return false;
    }
    for (int64_t e = 0; e < n; e++) {
        line->day[e] = day_of(at_s[e]);
    }
    qsort(line->day, (size_t)n, sizeof *line->day, by_long);
    int64_t n_days = 0;
    for (int64_t e = 0; e < n; e++) {
        if (n_days == 0 || line->day[n_days - 1] != line->day[e]) {
            line->day[n_days++] = line->day[e];
        }
    }
    line->n_buckets = (int32_t)(n_days < N_BUCKETS_MAX ? n_days : N_BUCKETS_MAX);
    for (int64_t b = 0; b < line->n_buckets; b++) {
        line->day[b] = line->day[b * n_days / line->n_buckets];
    }
    return true;
}

static int32_t bucket_of(const struct timeline *line, int64_t at_s)
{
    int32_t low = 0, high = line->n_buckets;
    while (high - low > 1) {
        const int32_t middle = low + (high - low) / 2;
        *(line->day[middle] <= day_of(at_s) ? &low : &high) = middle;
    }
    return low;
}

static bool order_histories(struct timeline *line, const int64_t *at_s)
{
    const struct reel_csr *chosen = line->chosen;
    int64_t n_longest = 0;
    for (int32_t v = 0; v < chosen->n_rows; v++) {
        const int64_t n = chosen->start[v + 1] - chosen->start[v];
        n_longest = n > n_longest ? n : n_longest;
    }
    struct placed *placed = base_alloc_array((size_t)n_longest, sizeof *placed);
    for (int32_t v = 0; placed && v < chosen->n_rows; v++) {
        const int64_t first = chosen->start[v], n = chosen->start[v + 1] - first;
        for (int64_t e = 0; e < n; e++) {
            placed[e] =
                (struct placed){at_s[first + e], chosen->col[first + e], (int32_t)e};
        }
        qsort(placed, (size_t)n, sizeof *placed, by_time);
        for (int64_t e = 0; e < n; e++) {
            line->film[first + e] = placed[e].film;
            line->bucket[first + e] = bucket_of(line, placed[e].at_s);
            line->is_tied[first + e] = e > 0 && placed[e].at_s == placed[e - 1].at_s;
        }
    }
    base_free(placed);
    return placed != NULL;
}

// Windows from the end of every history; a viewer with one film teaches nothing.
static int32_t cut_windows(const struct timeline *line, int64_t *window)
{
    int32_t n = 0;
    for (int32_t v = 0; v < line->chosen->n_rows; v++) {
        const int64_t n_films = line->chosen->start[v + 1] - line->chosen->start[v];
        for (int64_t end = n_films; end > 1; end -= line->shape.window) {
            if (window) {
                window[2 * (int64_t)n] = v;
                window[2 * (int64_t)n + 1] = end;
            }
            n++;
        }
    }
    return n;
}

static void timeline_release(struct timeline *line)
{
    base_free(line->film);
    base_free(line->bucket);
    base_free(line->is_tied);
    base_free(line->day);
    base_free(line->window);
}

static enum reel_status timeline_make(struct timeline *line,
                                      const struct reel_training *data,
                                      struct reel_error *err)
{
    const int64_t n = data->chosen.start[data->chosen.n_rows];
    line->chosen = &data->chosen;
    line->film = base_alloc_array((size_t)n, sizeof *line->film);
    line->bucket = base_alloc_array((size_t)n, sizeof *line->bucket);
    line->is_tied = base_alloc_array((size_t)n, sizeof *line->is_tied);
    line->n_windows = cut_windows(line, NULL);
    line->window = base_alloc_array((size_t)line->n_windows, 2 * sizeof *line->window);
    if (!line->film || !line->bucket || !line->is_tied || !line->window ||
        !make_buckets(line, data->at_s, n) || !order_histories(line, data->at_s)) {
        return fail(err, REEL_ENOMEM, "sequence: %lld choices in time", (long long)n);
    }
    (void)cut_windows(line, line->window);
    return line->n_windows > 0 ? REEL_OK
                               : fail(err, REEL_EINVAL,
                                      "sequence: no viewer chose two "
                                      "films");
}

/* ---- the graph ---- */

/** Windows of one graph, padded at their ends to one length. */
struct part {
    int32_t n_windows, n_tokens; /* of the longest window */
    int32_t *film, *place;       /* (n_windows * n_tokens) */
    int32_t n_targets;
    int32_t *row, *bucket; /* (n_targets) row of the target among the tokens */
    float *wanted;         /* (n_targets, n_films) shares of what comes next */
    float *barred; /* (n_targets, n_films) added to scores; NULL: nothing is barred */
};

#define BARRED -30.0F

static struct ggml_tensor *layers(struct base_net_graph *g, const struct shape *s,
                                  const struct part *part, double dropout)
{
    const int64_t n = (int64_t)part->n_windows * part->n_tokens;
    struct ggml_tensor *x =
        base_net_add(g, base_net_rows(g, base_net_param(g, P_FILMS), part->film, n),
                     base_net_rows(g, base_net_param(g, P_PLACES), part->place, n));
    x = base_net_dropout(g, x, dropout);
    for (int32_t l = 0; l < s->n_layers; l++) {
        struct ggml_tensor *w[N_LAYER];
        for (int i = 0; i < N_LAYER; i++) {
            w[i] = base_net_param(g, layer_param(l, (enum layer)i));
        }
        struct ggml_tensor *y = base_net_norm(g, x, w[L_GAIN_A]);
        y = base_net_attention(
            g, base_net_product(g, w[L_Q], y), base_net_product(g, w[L_K], y),
            base_net_product(g, w[L_V], y), s->n_heads, part->n_windows, dropout);
        y = base_net_product(g, w[L_O], y);
        x = base_net_add(g, x, base_net_dropout(g, y, dropout));
        y = base_net_product(g, w[L_UP], base_net_norm(g, x, w[L_GAIN_F]));
        y = base_net_product(g, w[L_DOWN], base_net_silu(g, y));
        x = base_net_add(g, x, base_net_dropout(g, y, dropout));
    }
    return base_net_norm(g, x, base_net_param(g, P_GAIN));
}

// (n_films, n_targets) scores; the tables of r are the parameters after the learnt ones.
static struct ggml_tensor *logits(struct base_net_graph *g, const struct shape *s,
                                  const struct part *part, double dropout)
{
    struct ggml_tensor *h = layers(g, s, part, dropout);
    h = base_net_rows(g, h, part->row, part->n_targets);
    struct ggml_tensor *base = NULL;
    for (int32_t r = 0; r < N_RECENT; r++) {
        struct ggml_tensor *term = base_net_times(g, base_net_param(g, s->n_params + r),
                                                  base_net_param(g, P_RECENT + r));
        base = base ? base_net_add(g, base, term) : term;
    }
    base = base_net_add(g, base, base_net_param(g, P_BIAS));
    struct ggml_tensor *score =
        base_net_add(g, base_net_product(g, base_net_param(g, P_FILMS), h),
                     base_net_rows(g, base, part->bucket, part->n_targets));
    return part->barred ? base_net_add(g, score,
                                       base_net_floats(g, s->n_films, part->n_targets,
                                                       part->barred))
                        : score;
}

static bool part_reserve(struct base_net_graph *g, struct part *part)
{
    const size_t n = (size_t)part->n_windows * (size_t)part->n_tokens;
    int32_t *memory = base_net_memory(g, 4 * n, sizeof *memory);
    if (memory) {
        memset(memory, 0, 4 * n * sizeof *memory);
        part->film = memory;
        part->place = memory + n;
        part->row = memory + 2 * n;
        part->bucket = memory + 3 * n;
    }
    return memory != NULL;
}

// Films [begin, end) of a history in time, those of one second in an order drawn anew.
static void draw_order(const struct timeline *line, int64_t begin, int64_t end,
                       struct base_rng *rng, int32_t *film)
{
    memcpy(film, line->film + begin, (size_t)(end - begin) * sizeof *film);
    for (int64_t from = begin, to; rng && from < end; from = to) {
        for (to = from + 1; to < end && line->is_tied[to]; to++) {
        }
        base_rng_shuffle(rng, film + (from - begin), (int32_t)(to - from));
    }
}

// After `n_seen` films of a history the next `n_left` (at `next`) are wanted, each half as
// much as the one before.
static void add_wanted(struct part *part, int32_t n_films, const int32_t *next,
                       int64_t n_left)
{
    float *wanted = part->wanted + (size_t)part->n_targets * (size_t)n_films;
    const float whole = 2 - 2 * exp2f((float)-n_left); // 1 + 1/2 + ...
    for (int64_t i = 0; i < n_left; i++) {
        wanted[next[i]] = exp2f((float)-i) / whole;
    }
}

// Tokens and targets of a window: films [begin, end), of which the last is only wanted.
static void add_window(const struct timeline *line, struct part *part, int32_t i,
                       int64_t first, int64_t begin, int64_t end, int64_t last,
                       struct base_rng *rng, int32_t *film)
{
    const size_t n_films = (size_t)line->shape.n_films;
    const int64_t reach = end + line->n_ahead - 1 < last ? end + line->n_ahead - 1 : last;
    draw_order(line, begin, reach, rng, film);
    for (int64_t t = begin; t < end - 1; t++) {
        const int64_t n_left = reach - t - 1;
        const int32_t row = i * part->n_tokens + (int32_t)(t - begin);
        float *barred = part->barred + (size_t)part->n_targets * n_films;
        for (int64_t e = first; e <= t; e++) {
            barred[e < begin ? line->film[e] : film[e - begin]] = BARRED;
        }
        add_wanted(part, line->shape.n_films, film + (t + 1 - begin),
                   n_left < line->n_ahead ? n_left : line->n_ahead);
        part->film[row] = film[t - begin];
        part->place[row] = (int32_t)(t - begin);
        part->row[part->n_targets] = row;
        part->bucket[part->n_targets++] = line->bucket[t + 1];
    }
}

static struct ggml_tensor *loss(struct base_net_graph *g, const int32_t *item, int32_t n,
                                double *weight, void *payload)
{
    const struct timeline *line = payload;
    const int32_t length = line->shape.window;
    const size_t n_scores = (size_t)n * (size_t)length * (size_t)line->shape.n_films;
    struct base_rng *rng = base_net_rng(g);
    struct part part = {.n_windows = n, .n_tokens = length};
    int32_t *film =
        base_net_memory(g, (size_t)length + 1 + (size_t)line->n_ahead, sizeof *film);
    part.wanted = base_net_memory(g, n_scores, sizeof *part.wanted);
    part.barred = base_net_memory(g, n_scores, sizeof *part.barred);
    if (!film || !part.wanted || !part.barred || !part_reserve(g, &part)) {
        return NULL;
    }
    memset(part.wanted, 0, n_scores * sizeof *part.wanted);
    memset(part.barred, 0, n_scores * sizeof *part.barred);
    for (int32_t i = 0; i < n; i++) {
        const int64_t v = line->window[2 * (int64_t)item[i]];
        const int64_t first = line->chosen->start[v], last = line->chosen->start[v + 1];
        int64_t end = line->window[2 * (int64_t)item[i] + 1];
        if (last - first > length && rng && base_rng_below(rng, 2) == 0) {
            end -= base_rng_below(rng, (uint32_t)length);
        }
        const int64_t begin = end > length + 1 ? end - length - 1 : 0;
        if (end > 1) {
            add_window(line, &part, i, first, first + begin, first + end, last, rng,
                       film);
        }
    }
    // A graph without targets would be none: the first film is then learnt for nothing.
    *weight = part.n_targets;
    if (part.n_targets == 0) {
        part.wanted[0] = 1;
        part.n_targets = 1;
    }
    return base_net_cross_entropy_shares(g, logits(g, &line->shape, &part, line->dropout),
                                         part.wanted);
}

/* ---- training ---- */

static enum reel_status net_make(const struct reel_model *model, const int64_t *day,
                                 int32_t n_days, struct base_net **net,
                                 struct reel_error *err)
{
    const struct shape shape = shape_of(model->header->n_films, model->header->setting);
    struct base_net_param param[N_PARAMS_MAX];
    list_params(&shape, param);
    for (int32_t h = 0; h < N_RECENT; h++) {
        param[shape.n_params + h] = (struct base_net_param){
            .name = "table", .n_0 = shape.n_films, .n_1 = n_days, .is_fixed = true};
    }
    const enum reel_status rc =
        base_net_create(param, shape.n_params + N_RECENT, model->header->seed, net, err);
    for (int32_t h = 0; rc == REEL_OK && h < N_RECENT; h++) {
        for (int32_t b = 0; b < n_days; b++) {
            recent_at(model, day[b], h,
                      base_net_values(*net, shape.n_params + h) +
                          (size_t)b * (size_t)shape.n_films);
        }
    }
    return rc;
}

// Parameters between the net and the model's section.
static void copy_params(const struct reel_model *model, const struct base_net *net,
                        bool is_to_model)
{
    const struct shape shape = shape_of(model->header->n_films, model->header->setting);
    struct base_net_param param[N_PARAMS_MAX];
    list_params(&shape, param);
    float *at = model_floats(model, MODEL_NET);
    for (int32_t i = 0; i < shape.n_params; i++) {
        const size_t n = (size_t)(param[i].n_0 * param[i].n_1);
        float *value = base_net_values(net, i);
        memcpy(is_to_model ? at : value, is_to_model ? value : at, n * sizeof *at);
        at += n;
    }
}

static enum reel_status learn(struct reel_model *model, struct timeline *line,
                              const struct reel_train_options *opt,
                              struct reel_error *err)
{
    struct base_net *net = NULL;
    struct base_net_result result;
    // Arrays over targets and films are the largest of a graph: at most 64 MiB each.
    const int64_t n_scores = (int64_t)line->shape.window * line->shape.n_films;
    const int64_t n_fit = ((int64_t)1 << 24) / n_scores;
    const struct base_net_task task = {
        .loss = loss,
        .payload = line,
        .n_items = line->n_windows,
        .n_batch = (int32_t)opt->setting[S_BATCH],
        .n_part = (int32_t)(n_fit < 1   ? 1
                            : n_fit > 8 ? 8
                                        : n_fit),
    };
    struct base_net_options learning = base_net_options_default();
    learning.n_epochs = (int32_t)opt->setting[S_EPOCHS];
    learning.rate = opt->setting[S_RATE];
    learning.rate_end = 0.05;
    learning.n_warmup = 50;
    learning.decay = opt->setting[S_DECAY];
    learning.n_threads = opt->n_threads;
    learning.seed = opt->seed;
    learning.stage = "sequence";
    learning.progress = opt->progress;
    enum reel_status rc = net_make(model, line->day, line->n_buckets, &net, err);
    rc = rc ? rc : base_net_train(net, &task, &learning, &result, err);
    if (rc == REEL_OK) {
        copy_params(model, net, true);
    }
    base_net_free(net);
    return rc;
}

static enum reel_status train(const struct model_class *class_,
                              const struct reel_training *data,
                              const struct reel_train_options *opt,
                              struct base_pool *pool, struct reel_model **out,
                              struct reel_error *err)
{
    (void)pool; // the loop has its own
    const int32_t n_films = data->chosen.n_cols;
    const uint64_t n_entries = (uint64_t)data->chosen.start[data->chosen.n_rows];
    struct timeline line = {.shape = shape_of(n_films, opt->setting),
                            .dropout = opt->setting[S_DROPOUT],
                            .n_ahead = (int32_t)opt->setting[S_AHEAD]};
    struct base_net_param param[N_PARAMS_MAX];
    if (!data->at_s) {
        return fail(err, REEL_EINVAL,
                    "sequence has to know when films were chosen, and no time is known");
    }
    if (line.shape.d % line.shape.n_heads != 0) {
        return fail(err, REEL_EINVAL, "sequence: %d factors cannot be shared by %d heads",
                    line.shape.d, line.shape.n_heads);
    }
    list_params(&line.shape, param);
    const struct model_section section[] = {
        {MODEL_NET, sizeof(float), count_numbers(param, line.shape.n_params)},
        {MODEL_START, sizeof(int64_t), (uint64_t)n_films + 1},
        {MODEL_TIMES, sizeof(int64_t), n_entries},
        {MODEL_RECENT, sizeof(float), N_RECENT * n_entries},
    };
    enum reel_status rc = model_create(class_, data, opt, 0, section, 4, out, err);
    rc = rc ? rc : keep_events(*out, data, err);
    rc = rc ? rc : timeline_make(&line, data, err);
    rc = rc ? rc : learn(*out, &line, opt, err);
    timeline_release(&line);
    return rc;
}

static enum reel_status check(const struct reel_model *model, struct reel_error *err)
{
    const int32_t n_films = model->header->n_films;
    const struct shape shape = shape_of(n_films, model->header->setting);
    struct base_net_param param[N_PARAMS_MAX];
    if (shape.d % shape.n_heads != 0) {
        return fail(err, REEL_EFORMAT, "%d factors cannot be shared by %d heads", shape.d,
                    shape.n_heads);
    }
    list_params(&shape, param);
    enum reel_status rc = model_check_section(model, MODEL_NET, sizeof(float),
                                              count_numbers(param, shape.n_params), err);
    rc = rc ? rc
            : model_check_section(model, MODEL_START, sizeof(int64_t),
                                  (uint64_t)n_films + 1, err);
    const int64_t *start = rc ? NULL : model_longs(model, MODEL_START);
    for (int32_t i = 0; rc == REEL_OK && i < n_films; i++) {
        if (start[0] != 0 || start[i + 1] < start[i]) {
            rc = fail(err, REEL_EFORMAT, "events of film %d end before they start", i);
        }
    }
    const uint64_t n_entries = rc ? 0 : (uint64_t)start[n_films];
    rc = rc ? rc
            : model_check_section(model, MODEL_TIMES, sizeof(int64_t), n_entries, err);
    return rc ? rc
              : model_check_section(model, MODEL_RECENT, sizeof(float),
                                    N_RECENT * n_entries, err);
}

/* ---- scoring ---- */

/** A viewer's films in order, and when they are asked. */
struct asked {
    struct placed *placed; /* (n) by time */
    int32_t n;
    int64_t day;
    float *memory; /* for forward() */
};

static size_t n_memory(const struct shape *s)
{
    return (size_t)s->window * (size_t)s->d * (5 + WIDEN) + (size_t)s->window +
           (size_t)s->n_films;
}

static void asked_release(struct asked *asked)
{
    base_free(asked->placed);
    base_free(asked->memory);
}

static enum reel_status ask(const struct reel_model *model,
                            const struct reel_query *query, struct asked *asked,
                            struct reel_error *err)
{
    const struct shape shape = shape_of(model->header->n_films, model->header->setting);
    *asked = (struct asked){.n = query->n};
    asked->placed = base_alloc_array((size_t)query->n, sizeof *asked->placed);
    asked->memory = base_alloc_aligned(n_memory(&shape), sizeof *asked->memory);
    if (!asked->placed || !asked->memory) {
        asked_release(asked);
        return fail(err, REEL_ENOMEM, "sequence: a history of %d films", query->n);
    }
    for (int32_t e = 0; e < query->n; e++) {
        asked->placed[e] =
            (struct placed){query->at_s ? query->at_s[e] : e, query->film[e], e};
    }
    qsort(asked->placed, (size_t)query->n, sizeof *asked->placed, by_time);
    // Asked at the viewer's last event; where no time is known, after everything.
    int64_t now_s =
        query->n > 0 && query->at_s ? asked->placed[query->n - 1].at_s : INT64_MIN;
    const int64_t n_events = model_longs(model, MODEL_START)[shape.n_films];
    for (int64_t e = 0; now_s == INT64_MIN && e < n_events; e++) {
        const int64_t at_s = model_longs(model, MODEL_TIMES)[e];
        asked->day =
            e == 0 || day_of(at_s) + 1 > asked->day ? day_of(at_s) + 1 : asked->day;
    }
    asked->day = now_s == INT64_MIN ? asked->day : day_of(now_s);
    return REEL_OK;
}

static void norm_rows(float *y, const float *x, const float *gain, size_t n, size_t d)
{
    assert(gain);
    for (size_t r = 0; r < n; r++) {
        double square = 0;
        for (size_t c = 0; c < d; c++) {
            square += (double)x[r * d + c] * (double)x[r * d + c];
        }
        const float scale = (float)(1 / sqrt(square / (double)d + 1e-5));
        for (size_t c = 0; c < d; c++) {
            y[r * d + c] = x[r * d + c] * scale * gain[c];
        }
    }
}

// Rows `first` .. n-1 of `out` look at the rows up to their own; e (n) is scratch.
static void attend(float *out, const float *q, const float *k, const float *v, float *e,
                   size_t first, size_t n, size_t d, size_t n_heads)
{
    const size_t width = d / n_heads;
    const float scale = 1 / sqrtf((float)width);
    memset(out + first * d, 0, (n - first) * d * sizeof *out);
    for (size_t t = first; t < n; t++) {
        for (size_t h = 0; h < d; h += width) {
            float most = -INFINITY, sum = 0;
            for (size_t s = 0; s <= t; s++) {
                e[s] = scale * base_dot(q + t * d + h, k + s * d + h, width);
                most = e[s] > most ? e[s] : most;
            }
            for (size_t s = 0; s <= t; s++) {
                sum += e[s] = expf(e[s] - most);
            }
            for (size_t s = 0; s <= t; s++) {
                const float share = e[s] / sum;
                for (size_t c = h; c < h + width; c++) {
                    out[t * d + c] += share * v[s * d + c];
                }
            }
        }
    }
}

static void add_rows(float *x, const float *y, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        x[i] += y[i];
    }
}

/**
 * One layer over x (n, d), of which only the rows from `first` on are needed; `desk` has
 * room for (n, (4 + WIDEN) d) and n floats.
 */
static void run_layer(const struct view *view, int32_t layer, float *x, size_t first,
                      size_t n, float *desk)
{
    const size_t d = (size_t)view->shape.d, wide = WIDEN * d, m = n - first;
    const float *const *w = view->param + layer_param(layer, L_GAIN_A);
    float *y = desk, *q = y + n * d, *k = q + n * d, *v = k + n * d, *h = v + n * d;
    norm_rows(y, x, w[L_GAIN_A], n, d);
    base_gemm_nt(q + first * d, y + first * d, w[L_Q], m, d, d, d, d, d, 1, 0);
    base_gemm_nt(k, y, w[L_K], n, d, d, d, d, d, 1, 0);
    base_gemm_nt(v, y, w[L_V], n, d, d, d, d, d, 1, 0);
    attend(y, q, k, v, h + n * wide, first, n, d, (size_t)view->shape.n_heads);
    base_gemm_nt(q + first * d, y + first * d, w[L_O], m, d, d, d, d, d, 1, 0);
    add_rows(x + first * d, q + first * d, m * d);
    norm_rows(y, x + first * d, w[L_GAIN_F], m, d);
    base_gemm_nt(h, y, w[L_UP], m, wide, d, wide, d, d, 1, 0);
    for (size_t i = 0; i < m * wide; i++) {
        h[i] = h[i] / (1 + expf(-h[i]));
    }
    base_gemm_nt(y, h, w[L_DOWN], m, d, wide, d, wide, wide, 1, 0);
    add_rows(x + first * d, y, m * d);
}

// Scores after the films of `asked`, one of which may be left out (`without`, or -1).
static void forward(const struct reel_model *model, const struct asked *asked,
                    int32_t without, float *score)
{
    const struct view view = view_of(model);
    assert(view.param[P_FILMS] && view.param[P_PLACES] && view.param[P_BIAS]);
    const size_t d = (size_t)view.shape.d, n_films = (size_t)view.shape.n_films;
    float *x = asked->memory;
    float *desk = x + (size_t)view.shape.window * d;
    float *recent = asked->memory + n_memory(&view.shape) - n_films;
    const int32_t n_left = asked->n - (without >= 0);
    const int32_t n_skipped = n_left > view.shape.window ? n_left - view.shape.window : 0;
    size_t n = 0;
    int32_t place = 0;
    for (int32_t e = 0; e < asked->n; e++) {
        if (e == without || place++ < n_skipped) {
            continue;
        }
        for (size_t c = 0; c < d; c++) {
            x[n * d + c] = view.param[P_FILMS][(size_t)asked->placed[e].film * d + c] +
                           view.param[P_PLACES][n * d + c];
        }
        n++;
    }
    memcpy(score, view.param[P_BIAS], n_films * sizeof *score);
    for (int32_t l = 0; n > 0 && l < view.shape.n_layers; l++) {
        run_layer(&view, l, x, l + 1 < view.shape.n_layers ? 0 : n - 1, n, desk);
    }
    if (n > 0) {
        norm_rows(desk, x + (n - 1) * d, view.param[P_GAIN], 1, d);
        base_gemv(recent, view.param[P_FILMS], desk, n_films, d, d);
        add_rows(score, recent, n_films);
    }
    for (int32_t h = 0; h < N_RECENT; h++) {
        const float *weight = view.param[P_RECENT + h];
        assert(weight);
        recent_at(model, asked->day, h, recent);
        for (size_t i = 0; i < n_films; i++) {
            score[i] += *weight * recent[i];
        }
    }
}

static enum reel_status score(const struct reel_model *model,
                              const struct reel_query *query, float *out,
                              struct reel_error *err)
{
    struct asked asked;
    const enum reel_status rc = ask(model, query, &asked, err);
    if (rc == REEL_OK) {
        forward(model, &asked, -1, out);
        asked_release(&asked);
    }
    return rc;
}

static enum reel_status explain(const struct reel_model *model,
                                const struct reel_query *query, int32_t film,
                                struct reel_part *part, float *rest,
                                struct reel_error *err)
{
    const int32_t window = (int32_t)model->header->setting[S_WINDOW];
    float *all = base_alloc_array((size_t)model->header->n_films, sizeof *all);
    struct asked asked = {0};
    enum reel_status rc = all ? ask(model, query, &asked, err)
                              : fail(err, REEL_ENOMEM, "sequence: explaining a score");
    if (rc == REEL_OK) {
        forward(model, &asked, -1, all);
        const float whole = all[film];
        double sum = 0;
        for (int32_t e = 0; e < query->n; e++) {
            float amount = 0;
            if (e >= query->n - window) {
                forward(model, &asked, e, all);
                amount = whole - all[film];
            }
            part[asked.placed[e].entry] =
                (struct reel_part){asked.placed[e].film, amount};
            sum += (double)amount;
        }
        *rest = (float)((double)whole - sum);
        asked_release(&asked);
    }
    base_free(all);
    return rc;
}

/* ---- the twin ---- */

struct twin {
    struct shape shape;
    const struct asked *asked;
};

static struct ggml_tensor *build_twin(struct base_net_graph *g, void *payload)
{
    const struct twin *twin = payload;
    const int32_t n = twin->asked->n, window = twin->shape.window;
    const int32_t first = n > window ? n - window : 0;
    struct part part = {.n_windows = 1, .n_tokens = n - first, .n_targets = 1};
    if (!part_reserve(g, &part)) {
        return NULL;
    }
    for (int32_t t = 0; t < part.n_tokens; t++) {
        part.film[t] = twin->asked->placed[first + t].film;
        part.place[t] = t;
    }
    part.row[0] = part.n_tokens - 1;
    return logits(g, &twin->shape, &part, 0);
}

enum reel_status sequence_score_by_graph(const struct reel_model *model,
                                         const struct reel_query *query, float *out,
                                         struct reel_error *err)
{
    struct asked asked;
    struct base_net *net = NULL;
    enum reel_status rc = ask(model, query, &asked, err);
    if (rc != REEL_OK) {
        return rc;
    }
    struct twin twin = {shape_of(model->header->n_films, model->header->setting), &asked};
    rc = net_make(model, &asked.day, 1, &net, err);
    if (rc == REEL_OK) {
        copy_params(model, net, false);
        rc = base_net_run(net, build_twin, &twin, out, (size_t)twin.shape.n_films, err);
    }
    base_net_free(net);
    asked_release(&asked);
    return rc;
}

const struct model_class model_sequence = {
    .info = {"sequence", "what comes next, by a transformer over the history in time",
             settings, N_SETTINGS},
    .train = train,
    .check = check,
    .score = score,
    .explain = explain,
};
