/**
 * Neural language models over words: what they compute, and its gradient. Arrays in, arrays
 * out; files and text are elsewhere (lm_nnlm_file.h, lm_nnlm_train.c).
 *
 * V words, m numbers for each (embedding), h hidden units, a context of c words:
 *
 *     feed-forward  x = C(w_t-1) .. C(w_t-c), (c m)     Bengio, Ducharme, Vincent, Jauvin 2003,
 *                   a = tanh(d + H x)                    eq. 1; the direct connections W may be
 *                   y = b + U a + W x                    left out
 *     LSTM          (i f g o) = (s s tanh s)(d + H C(w_t-1) + R a_t-1), s the logistic function
 *                   c_t = f c_t-1 + i g                  Hochreiter, Schmidhuber 1997, with the
 *                   a_t = o tanh c_t                     forget gate of Gers et al. 2000
 *                   y = b + U a_t
 *     P(w | ...) = softmax(y)
 *
 * The LSTM begins every line with zeros. A line is walked in pieces of n_steps words: states
 * go on from piece to piece, gradients do not (truncated back-propagation through time,
 * Williams and Peng 1990). In training a share `dropout` of `a` on its way to `y`, and of C on
 * its way into the LSTM, is left out (Zaremba et al. 2014).
 *
 * Gradients are found by hand, as products of matrices, not by ggml: hundreds of steps
 * in time would be thousands of nodes, and tanh has no backward pass there.
 */
#ifndef LM_NNLM_NET_H
#define LM_NNLM_NET_H

#include "base_net.h"

enum lm_nnlm_kind { LM_NNLM_FEEDFORWARD = 1, LM_NNLM_LSTM = 2 };

struct lm_nnlm_shape {
    enum lm_nnlm_kind kind;
    bool is_direct; /* feed-forward: has W */
    int32_t n_words, n_embedding, n_hidden;
    int32_t n_context; /* feed-forward: words looked back on; LSTM: 0 */
};

/** The arrays, in the order of base_net's parameters and of the file. */
enum lm_nnlm_array {
    LM_NNLM_C, /* (V, m) */
    LM_NNLM_H, /* (h, c m); LSTM (4 h, m) */
    LM_NNLM_D, /* (h); LSTM (4 h) */
    LM_NNLM_U, /* (V, h) */
    LM_NNLM_B, /* (V) */
    LM_NNLM_W, /* (V, c m), or none; LSTM R (4 h, h) */
    LM_NNLM_N_ARRAYS
};

/** Rows and columns of an array; both 0 for one that this shape has not. */
void lm_nnlm_array_shape(const struct lm_nnlm_shape *shape, enum lm_nnlm_array array,
                         int64_t *n_rows, int64_t *n_columns);
/** As base_net_create wants them, scaled by the width they are summed over. Returns how many. */
int32_t lm_nnlm_params(const struct lm_nnlm_shape *shape,
                       struct base_net_param param[LM_NNLM_N_ARRAYS]);

struct lm_nnlm_weights {
    const float *array[LM_NNLM_N_ARRAYS]; /* NULL: there is none */
};

/** Memory for one caller at a time; grows as needed. Starts as all 0. */
struct lm_nnlm_room {
    float *number;
    size_t n_numbers, n_used;
};
void lm_nnlm_room_release(struct lm_nnlm_room *room);

/** A piece of text: lines one behind the other, each closed by the word that ends lines. */
struct lm_nnlm_text {
    const uint32_t *word; /* (n) below n_words */
    const int64_t *line;  /* (n_lines + 1) where each begins */
};

struct lm_nnlm_task {
    const struct lm_nnlm_shape *shape;
    const struct lm_nnlm_text *text;
    int32_t n_steps; /* LSTM: words of a piece */
    double dropout;
};

/**
 * Sum of -log P over the words `item` (places in the text) for a feed-forward net, over all
 * words of the lines `item` for an LSTM.
 *
 * Shapes:  gradient[i] as weights.array[i], added to; all NULL: only the loss.
 * Returns: false when memory ran out.
 */
bool lm_nnlm_loss(const struct lm_nnlm_task *task, const struct lm_nnlm_weights *weights,
                  const int32_t *item, int32_t n, struct base_rng *rng,
                  float *const gradient[LM_NNLM_N_ARRAYS], struct lm_nnlm_room *room,
                  double *loss, double *n_targets);

/* ---- one word after the other ---- */

/** Numbers that say where a text stands: (c) last words, or (2 h) of the LSTM. */
size_t lm_nnlm_state_size(const struct lm_nnlm_shape *shape);
/** At the beginning of a line: after <s>. False when memory ran out, as in what follows. */
bool lm_nnlm_begin(const struct lm_nnlm_shape *shape,
                   const struct lm_nnlm_weights *weights, float *state,
                   struct lm_nnlm_room *room);
/** After a further word of the line. */
bool lm_nnlm_advance(const struct lm_nnlm_shape *shape,
                     const struct lm_nnlm_weights *weights, uint32_t word, float *state,
                     struct lm_nnlm_room *room);
/** log P of every word (V) in each of n states, which lie one behind the other. */
bool lm_nnlm_predict(const struct lm_nnlm_shape *shape,
                     const struct lm_nnlm_weights *weights, const float *state, int32_t n,
                     struct lm_nnlm_room *room, float *logp);

#endif
