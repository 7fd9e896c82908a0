/**
 * Feed-forward and LSTM language models, forward and backward; see lm_nnlm_net.h for the
 * equations. Rows of a matrix are words to predict; names are those of the header, with d
 * before the name of what a gradient belongs to.
 */
#include "lm_nnlm_net.h"

#include "base_alloc.h"
#include "base_linalg.h"
#include "lm_ngram_words.h"

#include <math.h>
#include <string.h>

enum { N_ROWS_OUTPUT = 256 }; /* whose logits are in memory at once */

// ---- shapes and memory ----

static size_t width_of(const struct lm_nnlm_shape *s)
{
    return (size_t)(s->kind == LM_NNLM_LSTM ? s->n_embedding
                                            : s->n_context * s->n_embedding);
}

void lm_nnlm_array_shape(const struct lm_nnlm_shape *s, enum lm_nnlm_array array,
                         int64_t *n_rows, int64_t *n_columns)
{
    const bool is_lstm = s->kind == LM_NNLM_LSTM;
    const int64_t width = (int64_t)width_of(s), n_gates = is_lstm ? 4 : 1;
    const int64_t shapes[LM_NNLM_N_ARRAYS][2] = {
        [LM_NNLM_C] = {s->n_words, s->n_embedding},
        [LM_NNLM_H] = {n_gates * s->n_hidden, width},
        [LM_NNLM_D] = {1, n_gates * s->n_hidden},
        [LM_NNLM_U] = {s->n_words, s->n_hidden},
        [LM_NNLM_B] = {1, s->n_words},
        [LM_NNLM_W] = {is_lstm ? n_gates * s->n_hidden : (s->is_direct ? s->n_words : 0),
                       is_lstm ? s->n_hidden : (s->is_direct ? width : 0)},
    };
    *n_rows = shapes[array][0];
    *n_columns = shapes[array][1];
}

int32_t lm_nnlm_params(const struct lm_nnlm_shape *shape,
                       struct base_net_param param[LM_NNLM_N_ARRAYS])
{
    static const char *const name[] = {"C", "H", "d", "U", "b", "W"};
    int32_t n = 0;
    for (int i = 0; i < LM_NNLM_N_ARRAYS; i++) {
        int64_t n_rows, n_columns;
        lm_nnlm_array_shape(shape, (enum lm_nnlm_array)i, &n_rows, &n_columns);
        if (n_rows == 0) {
            continue;
        }
        const bool is_bias = i == LM_NNLM_D || i == LM_NNLM_B;
        const bool is_late = i == LM_NNLM_W && shape->kind == LM_NNLM_FEEDFORWARD;
        double sd = 1 / sqrt((double)n_columns);
        sd = is_bias || is_late ? 0 : i == LM_NNLM_C ? .1 : i == LM_NNLM_U ? sd / 2 : sd;
        param[n++] = (struct base_net_param){.name = name[i],
                                             .n_0 = n_columns,
                                             .n_1 = n_rows,
                                             .sd = sd,
                                             .is_decayed = !is_bias && i != LM_NNLM_C};
    }
    return n;
}

void lm_nnlm_room_release(struct lm_nnlm_room *room)
{
    base_free(room->number);
    *room = (struct lm_nnlm_room){0};
}

/** What was taken before is gone. */
static bool room_begin(struct lm_nnlm_room *room, size_t n_numbers)
{
    room->n_used = 0;
    if (n_numbers > room->n_numbers) {
        base_free(room->number);
        room->number = base_alloc_aligned(n_numbers, sizeof *room->number);
        room->n_numbers = room->number ? n_numbers : 0;
    }
    return room->number != NULL;
}

static float *take(struct lm_nnlm_room *room, size_t n)
{
    float *at = room->number + room->n_used;
    room->n_used += n;
    return at;
}

// ---- small pieces ----

static float logistic(float x)
{
    return 1 / (1 + expf(-x));
}

/** sum (n_columns) += the rows of x (n_rows, n_columns). */
static void add_rows(float *sum, const float *x, size_t n_rows, size_t n_columns)
{
    for (size_t r = 0; r < n_rows; r++) {
        for (size_t k = 0; k < n_columns; k++) {
            sum[k] += x[r * n_columns + k];
        }
    }
}

static void copy_to_rows(float *x, const float *row, size_t n_rows, size_t n_columns)
{
    for (size_t r = 0; r < n_rows; r++) {
        memcpy(x + r * n_columns, row, n_columns * sizeof *x);
    }
}

static void multiply(float *x, const float *y, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        x[i] *= y[i];
    }
}

static void fill_mask(float *mask, size_t n, double dropout, struct base_rng *rng)
{
    const float kept = (float)(1 / (1 - dropout));
    for (size_t i = 0; i < n; i++) {
        mask[i] = base_rng_double(rng) < dropout ? 0 : kept;
    }
}

// ---- from hidden units to words ----

/** logits (n, V) = b + U a + W x; `x` NULL: no W. */
static void find_logits(const struct lm_nnlm_shape *s, const struct lm_nnlm_weights *w,
                        const float *a, const float *x, size_t n, float *logits)
{
    const size_t V = (size_t)s->n_words, h = (size_t)s->n_hidden, width = width_of(s);
    copy_to_rows(logits, w->array[LM_NNLM_B], n, V);
    base_gemm_nt(logits, a, w->array[LM_NNLM_U], n, V, h, V, h, h, 1, 1);
    if (x) {
        base_gemm_nt(logits, x, w->array[LM_NNLM_W], n, V, width, V, width, width, 1, 1);
    }
}

/** Logits of one row become probabilities; gives log of the sum of exp. */
static double softmax(float *logits, size_t n)
{
    float most = logits[0];
    double sum = 0;
    for (size_t k = 1; k < n; k++) {
        most = logits[k] > most ? logits[k] : most;
    }
    for (size_t k = 0; k < n; k++) {
        logits[k] = expf(logits[k] - most);
        sum += (double)logits[k];
    }
    const float scale = (float)(1 / sum);
    for (size_t k = 0; k < n; k++) {
        logits[k] *= scale;
    }
    return (double)most + log(sum);
}

/** Loss of `n` rows; da (n, h) and dx (n, width) are set where gradients are wanted. */
static double output_loss(const struct lm_nnlm_shape *s, const struct lm_nnlm_weights *w,
                          const float *a, const float *x, const uint32_t *target,
                          size_t n, float *const gradient[LM_NNLM_N_ARRAYS],
                          float *logits, float *da, float *dx)
{
    const size_t V = (size_t)s->n_words, h = (size_t)s->n_hidden, width = width_of(s);
    double loss = 0;
    find_logits(s, w, a, x, n, logits);
    for (size_t r = 0; r < n; r++) {
        float *row = logits + r * V;
        const double logit = (double)row[target[r]];
        loss += softmax(row, V) - logit;
        row[target[r]] -= 1; // now the gradient of the loss
    }
    if (gradient[LM_NNLM_U]) {
        add_rows(gradient[LM_NNLM_B], logits, n, V);
        base_gemm_tn(gradient[LM_NNLM_U], logits, a, V, h, n, h, V, h, 1, 1);
        base_gemm_nn(da, logits, w->array[LM_NNLM_U], n, h, V, h, V, h, 1, 0);
        if (x) {
            base_gemm_tn(gradient[LM_NNLM_W], logits, x, V, width, n, width, V, width, 1,
                         1);
            base_gemm_nn(dx, logits, w->array[LM_NNLM_W], n, width, V, width, V, width, 1,
                         0);
        }
    }
    return loss;
}

// ---- feed-forward ----

/** The word `back` before place `at`; <s> before the line. */
static uint32_t word_before(const struct lm_nnlm_text *text, int64_t at, int32_t back)
{
    for (int32_t k = 1; k <= back; k++) {
        if (at - k < 0 || text->word[at - k] == LM_END) {
            return LM_BEGIN;
        }
    }
    return text->word[at - back];
}

static void hidden_units(const struct lm_nnlm_shape *s, const struct lm_nnlm_weights *w,
                         const float *x, size_t n, float *a)
{
    const size_t h = (size_t)s->n_hidden, width = width_of(s);
    copy_to_rows(a, w->array[LM_NNLM_D], n, h);
    base_gemm_nt(a, x, w->array[LM_NNLM_H], n, h, width, h, width, width, 1, 1);
    for (size_t i = 0; i < n * h; i++) {
        a[i] = tanhf(a[i]);
    }
}

/** Of `word` (n, c), the latest first. */
static void gather(const struct lm_nnlm_shape *s, const float *C, const uint32_t *word,
                   size_t n, float *x)
{
    const size_t m = (size_t)s->n_embedding;
    for (size_t i = 0; i < n; i++) {
        memcpy(x + i * m, C + word[i] * m, m * sizeof *x);
    }
}

static void scatter(const struct lm_nnlm_shape *s, float *dC, const uint32_t *word,
                    size_t n, const float *dx)
{
    const size_t m = (size_t)s->n_embedding;
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < m; k++) {
            dC[word[i] * m + k] += dx[i * m + k];
        }
    }
}

static double feedforward_loss(const struct lm_nnlm_task *task,
                               const struct lm_nnlm_weights *w, const int32_t *item,
                               size_t n, struct base_rng *rng,
                               float *const gradient[LM_NNLM_N_ARRAYS],
                               struct lm_nnlm_room *room)
{
    const struct lm_nnlm_shape *s = task->shape;
    const size_t V = (size_t)s->n_words, h = (size_t)s->n_hidden, width = width_of(s),
                 c = (size_t)s->n_context;
    float *x = take(room, n * width), *dx = take(room, n * width), *a = take(room, n * h),
          *da = take(room, n * h), *sent = take(room, n * h), *mask = take(room, n * h),
          *logits = take(room, n * V);
    uint32_t *word = (uint32_t *)take(room, n * c), *target = (uint32_t *)take(room, n);
    for (size_t r = 0; r < n; r++) {
        target[r] = task->text->word[item[r]];
        for (size_t k = 0; k < c; k++) {
            word[r * c + k] = word_before(task->text, item[r], (int32_t)k + 1);
        }
    }
    gather(s, w->array[LM_NNLM_C], word, n * c, x);
    hidden_units(s, w, x, n, a);
    const bool is_dropping = rng && task->dropout > 0;
    memcpy(sent, a, n * h * sizeof *a);
    if (is_dropping) {
        fill_mask(mask, n * h, task->dropout, rng);
        multiply(sent, mask, n * h);
    }
    const double loss = output_loss(s, w, sent, s->is_direct ? x : NULL, target, n,
                                    gradient, logits, da, dx);
    if (!gradient[LM_NNLM_C]) {
        return loss;
    }
    if (is_dropping) {
        multiply(da, mask, n * h);
    }
    for (size_t i = 0; i < n * h; i++) {
        da[i] *= 1 - a[i] * a[i]; // through tanh
    }
    add_rows(gradient[LM_NNLM_D], da, n, h);
    base_gemm_tn(gradient[LM_NNLM_H], da, x, h, width, n, width, h, width, 1, 1);
    base_gemm_nn(dx, da, w->array[LM_NNLM_H], n, width, h, width, h, width, 1,
                 s->is_direct ? 1 : 0);
    scatter(s, gradient[LM_NNLM_C], word, n * c, dx);
    return loss;
}

// ---- LSTM ----

/** Some lines, the longest first, and one piece of them: n_t[t] lines have a word at t. */
struct piece {
    size_t n_lines, n_steps, n_rows;
    size_t *n_t, *row_t; /* (n_steps + 1) */
    float *x, *dx, *mask_x, *gates, *a_old, *c_old, *c, *tanh_c, *a, *da, *sent, *mask_a;
    uint32_t *word, *target; /* (n_rows) */
    float *logits;
    float *a_state, *c_state, *da_state, *dc_state; /* (n_lines, h) */
};

static size_t line_length(const struct lm_nnlm_text *text, int32_t line)
{
    return (size_t)(text->line[line + 1] - text->line[line]);
}

/** By length, the longest first; lines that are as long stay in order. */
static void sort_lines(const struct lm_nnlm_text *text, int32_t *line, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        const int32_t moved = line[i];
        size_t k = i;
        for (; k > 0 && line_length(text, line[k - 1]) < line_length(text, moved); k--) {
            line[k] = line[k - 1];
        }
        line[k] = moved;
    }
}

static size_t piece_numbers(const struct lm_nnlm_shape *s, size_t n_lines, size_t n_steps)
{
    const size_t h = (size_t)s->n_hidden, m = (size_t)s->n_embedding,
                 n_rows = n_lines * n_steps;
    return n_rows * (3 * m + 12 * h + 2) + N_ROWS_OUTPUT * (size_t)s->n_words +
           n_lines * (4 * h + 1) + 4 * (n_steps + 1);
}

static void take_piece(const struct lm_nnlm_shape *s, struct lm_nnlm_room *room,
                       size_t n_lines, size_t n_steps, struct piece *p)
{
    const size_t h = (size_t)s->n_hidden, m = (size_t)s->n_embedding,
                 n_rows = n_lines * n_steps;
    *p = (struct piece){.n_lines = n_lines};
    p->n_t = (size_t *)take(room, 2 * (n_steps + 1));
    p->row_t = (size_t *)take(room, 2 * (n_steps + 1));
    float **const of_m[] = {&p->x, &p->dx, &p->mask_x};
    float **const of_h[] = {&p->a_old, &p->c_old, &p->c,    &p->tanh_c,
                            &p->a,     &p->da,    &p->sent, &p->mask_a};
    float **const of_line[] = {&p->a_state, &p->c_state, &p->da_state, &p->dc_state};
    for (size_t i = 0; i < sizeof of_m / sizeof *of_m; i++) {
        *of_m[i] = take(room, n_rows * m);
    }
    for (size_t i = 0; i < sizeof of_h / sizeof *of_h; i++) {
        *of_h[i] = take(room, n_rows * h);
    }
    for (size_t i = 0; i < sizeof of_line / sizeof *of_line; i++) {
        *of_line[i] = take(room, n_lines * h);
    }
    p->gates = take(room, n_rows * 4 * h);
    p->logits = take(room, N_ROWS_OUTPUT * (size_t)s->n_words);
    p->word = (uint32_t *)take(room, n_rows);
    p->target = (uint32_t *)take(room, n_rows);
}

/** Words [first, first + n_steps) of every line that has them, step by step. */
static void lay_piece(const struct lm_nnlm_text *text, const int32_t *line, size_t first,
                      size_t n_steps, struct piece *p)
{
    p->n_rows = p->n_steps = 0;
    for (size_t t = 0; t < n_steps; t++) {
        size_t n = 0;
        while (n < p->n_lines && line_length(text, line[n]) > first + t) {
            const uint32_t *word = text->word + text->line[line[n]] + first + t;
            p->target[p->n_rows + n] = *word;
            p->word[p->n_rows + n] = first + t == 0 ? LM_BEGIN : word[-1];
            n++;
        }
        if (n == 0) {
            break;
        }
        p->n_t[t] = n;
        p->row_t[t] = p->n_rows;
        p->n_rows += n;
        p->n_steps++;
    }
    p->n_t[p->n_steps] = 0;
    p->row_t[p->n_steps] = p->n_rows;
}

/** Gates (n, 4 h) before their functions become those after; c and a follow from them. */
static void lstm_cell(size_t n, size_t h, float *gates, const float *c_old, float *c,
                      float *tanh_c, float *a)
{
    for (size_t r = 0; r < n; r++) {
        float *i = gates + r * 4 * h, *f = i + h, *g = f + h, *o = g + h;
        for (size_t k = 0; k < h; k++) {
            const size_t at = r * h + k;
            i[k] = logistic(i[k]);
            f[k] = logistic(f[k]);
            g[k] = tanhf(g[k]);
            o[k] = logistic(o[k]);
            c[at] = f[k] * c_old[at] + i[k] * g[k];
            tanh_c[at] = tanhf(c[at]);
            a[at] = o[k] * tanh_c[at];
        }
    }
}

/** From da, dc after a step to dgates (over the gates) and dc before it (over dc). */
static void lstm_cell_back(size_t n, size_t h, float *gates, const float *c_old,
                           const float *tanh_c, const float *da, float *dc)
{
    for (size_t r = 0; r < n; r++) {
        float *i = gates + r * 4 * h, *f = i + h, *g = f + h, *o = g + h;
        for (size_t k = 0; k < h; k++) {
            const size_t at = r * h + k;
            const float d_o = da[at] * tanh_c[at];
            const float d_c = dc[at] + da[at] * o[k] * (1 - tanh_c[at] * tanh_c[at]);
            const float d_i = d_c * g[k], d_f = d_c * c_old[at], d_g = d_c * i[k];
            dc[at] = d_c * f[k];
            i[k] = d_i * i[k] * (1 - i[k]);
            f[k] = d_f * f[k] * (1 - f[k]);
            g[k] = d_g * (1 - g[k] * g[k]);
            o[k] = d_o * o[k] * (1 - o[k]);
        }
    }
}

static void lstm_forward(const struct lm_nnlm_shape *s, const struct lm_nnlm_weights *w,
                         struct piece *p)
{
    const size_t h = (size_t)s->n_hidden, m = (size_t)s->n_embedding;
    copy_to_rows(p->gates, w->array[LM_NNLM_D], p->n_rows, 4 * h);
    base_gemm_nt(p->gates, p->x, w->array[LM_NNLM_H], p->n_rows, 4 * h, m, 4 * h, m, m, 1,
                 1);
    for (size_t t = 0; t < p->n_steps; t++) {
        const size_t n = p->n_t[t], row = p->row_t[t], n_bytes = n * h * sizeof(float);
        float *gates = p->gates + row * 4 * h;
        memcpy(p->a_old + row * h, p->a_state, n_bytes);
        memcpy(p->c_old + row * h, p->c_state, n_bytes);
        base_gemm_nt(gates, p->a_state, w->array[LM_NNLM_W], n, 4 * h, h, 4 * h, h, h, 1,
                     1);
        lstm_cell(n, h, gates, p->c_old + row * h, p->c + row * h, p->tanh_c + row * h,
                  p->a + row * h);
        memcpy(p->a_state, p->a + row * h, n_bytes);
        memcpy(p->c_state, p->c + row * h, n_bytes);
    }
}

static void lstm_backward(const struct lm_nnlm_shape *s, const struct lm_nnlm_weights *w,
                          struct piece *p, float *const gradient[LM_NNLM_N_ARRAYS])
{
    const size_t h = (size_t)s->n_hidden, m = (size_t)s->n_embedding;
    memset(p->da_state, 0, p->n_lines * h * sizeof(float));
    memset(p->dc_state, 0, p->n_lines * h * sizeof(float));
    for (size_t t = p->n_steps; t-- > 0;) {
        const size_t n = p->n_t[t], row = p->row_t[t];
        float *gates = p->gates + row * 4 * h, *da = p->da + row * h;
        for (size_t i = 0; i < n * h; i++) {
            da[i] += p->da_state[i]; // 0 for lines that have no further word
        }
        lstm_cell_back(n, h, gates, p->c_old + row * h, p->tanh_c + row * h, da,
                       p->dc_state);
        base_gemm_nn(p->da_state, gates, w->array[LM_NNLM_W], n, h, 4 * h, h, 4 * h, h, 1,
                     0);
    }
    add_rows(gradient[LM_NNLM_D], p->gates, p->n_rows, 4 * h);
    base_gemm_tn(gradient[LM_NNLM_W], p->gates, p->a_old, 4 * h, h, p->n_rows, h, 4 * h,
                 h, 1, 1);
    base_gemm_tn(gradient[LM_NNLM_H], p->gates, p->x, 4 * h, m, p->n_rows, m, 4 * h, m, 1,
                 1);
    base_gemm_nn(p->dx, p->gates, w->array[LM_NNLM_H], p->n_rows, m, 4 * h, m, 4 * h, m,
                 1, 0);
}

/** Loss of one piece that is laid; states move on. */
static double piece_loss(const struct lm_nnlm_task *task, const struct lm_nnlm_weights *w,
                         struct piece *p, struct base_rng *rng,
                         float *const gradient[LM_NNLM_N_ARRAYS])
{
    const struct lm_nnlm_shape *s = task->shape;
    const size_t h = (size_t)s->n_hidden, m = (size_t)s->n_embedding;
    const bool is_dropping = rng && task->dropout > 0;
    gather(s, w->array[LM_NNLM_C], p->word, p->n_rows, p->x);
    if (is_dropping) {
        fill_mask(p->mask_x, p->n_rows * m, task->dropout, rng);
        fill_mask(p->mask_a, p->n_rows * h, task->dropout, rng);
        multiply(p->x, p->mask_x, p->n_rows * m);
    }
    lstm_forward(s, w, p);
    memcpy(p->sent, p->a, p->n_rows * h * sizeof *p->a);
    if (is_dropping) {
        multiply(p->sent, p->mask_a, p->n_rows * h);
    }
    double loss = 0;
    for (size_t row = 0; row < p->n_rows; row += N_ROWS_OUTPUT) {
        const size_t n_left = p->n_rows - row;
        loss += output_loss(s, w, p->sent + row * h, NULL, p->target + row,
                            n_left < N_ROWS_OUTPUT ? n_left : N_ROWS_OUTPUT, gradient,
                            p->logits, p->da + row * h, NULL);
    }
    if (gradient[LM_NNLM_C]) {
        if (is_dropping) {
            multiply(p->da, p->mask_a, p->n_rows * h);
        }
        lstm_backward(s, w, p, gradient);
        if (is_dropping) {
            multiply(p->dx, p->mask_x, p->n_rows * m);
        }
        scatter(s, gradient[LM_NNLM_C], p->word, p->n_rows, p->dx);
    }
    return loss;
}

static double lstm_loss(const struct lm_nnlm_task *task, const struct lm_nnlm_weights *w,
                        const int32_t *item, size_t n, struct base_rng *rng,
                        float *const gradient[LM_NNLM_N_ARRAYS],
                        struct lm_nnlm_room *room)
{
    const size_t n_steps = (size_t)task->n_steps;
    const size_t n_state_bytes = n * (size_t)task->shape->n_hidden * sizeof(float);
    struct piece p;
    take_piece(task->shape, room, n, n_steps, &p);
    int32_t *line = (int32_t *)take(room, n);
    memcpy(line, item, n * sizeof *line);
    sort_lines(task->text, line, n);
    memset(p.a_state, 0, n_state_bytes);
    memset(p.c_state, 0, n_state_bytes);
    double loss = 0;
    for (size_t first = 0; first < line_length(task->text, line[0]); first += n_steps) {
        lay_piece(task->text, line, first, n_steps, &p);
        loss += piece_loss(task, w, &p, rng, gradient);
    }
    return loss;
}

bool lm_nnlm_loss(const struct lm_nnlm_task *task, const struct lm_nnlm_weights *weights,
                  const int32_t *item, int32_t n_items, struct base_rng *rng,
                  float *const gradient[LM_NNLM_N_ARRAYS], struct lm_nnlm_room *room,
                  double *loss, double *n_targets)
{
    const struct lm_nnlm_shape *s = task->shape;
    const size_t n = (size_t)n_items, h = (size_t)s->n_hidden, c = (size_t)s->n_context;
    const bool is_lstm = s->kind == LM_NNLM_LSTM;
    *loss = *n_targets = 0;
    if (n == 0) {
        return true;
    }
    if (!room_begin(
            room, is_lstm ? piece_numbers(s, n, (size_t)task->n_steps)
                          : n * (2 * width_of(s) + 4 * h + (size_t)s->n_words + c + 1))) {
        return false;
    }
    *loss = is_lstm ? lstm_loss(task, weights, item, n, rng, gradient, room)
                    : feedforward_loss(task, weights, item, n, rng, gradient, room);
    for (size_t i = 0; i < n; i++) {
        *n_targets += is_lstm ? (double)line_length(task->text, item[i]) : 1;
    }
    return true;
}

// ---- one word after the other ----

size_t lm_nnlm_state_size(const struct lm_nnlm_shape *s)
{
    return (size_t)(s->kind == LM_NNLM_LSTM ? 2 * s->n_hidden : s->n_context);
}

bool lm_nnlm_begin(const struct lm_nnlm_shape *s, const struct lm_nnlm_weights *weights,
                   float *state, struct lm_nnlm_room *room)
{
    for (size_t i = 0; i < lm_nnlm_state_size(s); i++) {
        state[i] = s->kind == LM_NNLM_LSTM ? 0 : LM_BEGIN;
    }
    return s->kind != LM_NNLM_LSTM || lm_nnlm_advance(s, weights, LM_BEGIN, state, room);
}

bool lm_nnlm_advance(const struct lm_nnlm_shape *s, const struct lm_nnlm_weights *weights,
                     uint32_t word, float *state, struct lm_nnlm_room *room)
{
    const size_t h = (size_t)s->n_hidden, m = (size_t)s->n_embedding;
    if (s->kind == LM_NNLM_FEEDFORWARD) { // the latest first
        memmove(state + 1, state, ((size_t)s->n_context - 1) * sizeof *state);
        state[0] = (float)word;
        return true;
    }
    if (!room_begin(room, 5 * h)) {
        return false;
    }
    float *gates = take(room, 4 * h), *tanh_c = take(room, h);
    float *a = state, *c = state + h;
    memcpy(gates, weights->array[LM_NNLM_D], 4 * h * sizeof *gates);
    base_gemm_nt(gates, weights->array[LM_NNLM_C] + word * m, weights->array[LM_NNLM_H],
                 1, 4 * h, m, 4 * h, m, m, 1, 1);
    base_gemm_nt(gates, a, weights->array[LM_NNLM_W], 1, 4 * h, h, 4 * h, h, h, 1, 1);
    lstm_cell(1, h, gates, c, c, tanh_c, a);
    return true;
}

bool lm_nnlm_predict(const struct lm_nnlm_shape *s, const struct lm_nnlm_weights *weights,
                     const float *state, int32_t n_states, struct lm_nnlm_room *room,
                     float *logp)
{
    const size_t n = (size_t)n_states, h = (size_t)s->n_hidden, V = (size_t)s->n_words,
                 width = width_of(s), c = (size_t)s->n_context;
    if (!room_begin(room, n * (width + h + c))) {
        return false;
    }
    float *x = take(room, n * width), *a = take(room, n * h);
    uint32_t *word = (uint32_t *)take(room, n * c);
    if (s->kind == LM_NNLM_LSTM) {
        for (size_t r = 0; r < n; r++) {
            memcpy(a + r * h, state + r * 2 * h, h * sizeof *a);
        }
    } else {
        for (size_t i = 0; i < n * c; i++) {
            word[i] = (uint32_t)state[i];
        }
        gather(s, weights->array[LM_NNLM_C], word, n * c, x);
        hidden_units(s, weights, x, n, a);
    }
    find_logits(s, weights, a, s->is_direct ? x : NULL, n, logp);
    for (size_t r = 0; r < n; r++) {
        float *row = logp + r * V;
        float most = row[0];
        double sum = 0;
        for (size_t k = 1; k < V; k++) {
            most = row[k] > most ? row[k] : most;
        }
        for (size_t k = 0; k < V; k++) {
            sum += (double)expf(row[k] - most);
        }
        const float all = most + (float)log(sum);
        for (size_t k = 0; k < V; k++) {
            row[k] -= all;
        }
    }
    return true;
}
