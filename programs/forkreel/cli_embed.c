/** Vectors of texts; see cli_embed.h. */
#include "cli_embed.h"
#include "cli_lm.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/** Mean of two vectors in `x`, of length 1; false when both are 0. */
static bool mix(float *x, const float *y, int32_t n)
{
    double sum = 0;
    for (int32_t k = 0; k < n; k++) {
        x[k] += y[k];
        sum += (double)x[k] * (double)x[k];
    }
    for (int32_t k = 0; sum > 0 && k < n; k++) {
        x[k] = (float)((double)x[k] / sqrt(sum));
    }
    return sum > 0;
}

/** Nothing could be said of the text: its language is not the model's. */
static bool is_zero(const float *x, size_t n)
{
    for (size_t k = 0; k < n; k++) {
        if (x[k] < 0 || x[k] > 0) {
            return false;
        }
    }
    return true;
}

/** Rows 2 i and 2 i + 1 are those of text i and of its translation; `texts` owns them now. */
static void hand_over(struct texts *texts, struct reel_lm_vectors *vectors)
{
    const size_t n_dims = (size_t)vectors->n_dims;
    float *row = cli_need(malloc(((size_t)texts->n * n_dims + 1) * sizeof *row));
    for (int32_t i = 0; i < texts->n; i++) {
        float *own = row + (size_t)i * n_dims;
        const float *both = vectors->row + 2 * (size_t)i * n_dims;
        memcpy(own, both, n_dims * sizeof *own);
        texts->text[i].embedding = mix(own, both + n_dims, vectors->n_dims) ? own : NULL;
    }
    texts->owned = cli_need(
        realloc(texts->owned, ((size_t)texts->n_owned + 1) * sizeof *texts->owned));
    texts->owned[texts->n_owned++] = row;
    texts->room_owned = texts->n_owned;
}

enum reel_status texts_embed(struct cli *cli, const char *model, int32_t n_wanted,
                             struct texts *texts, int32_t *n_dims, struct reel_error *err)
{
    struct reel_lm_vectors vectors;
    char *where;
    *n_dims = 0;
    enum reel_status rc = cli_lm_find_embedder(cli, model, &where, err);
    if (rc || !where) {
        return rc;
    }
    const char **text = cli_need(calloc(2 * (size_t)texts->n + 1, sizeof *text));
    for (int32_t i = 0; i < texts->n; i++) {
        const struct reel_feature_text *t = &texts->text[i];
        text[2 * i] = t->text ? t->text : "";
        text[2 * i + 1] = t->translation ? t->translation : "";
    }
    rc = cli_lm_vectors(cli, where, NULL, text, 2 * texts->n, &vectors, err);
    if (rc == REEL_OK && (n_wanted == 0 || n_wanted == vectors.n_dims)) {
        hand_over(texts, &vectors);
        *n_dims = vectors.n_dims;
    }
    reel_lm_vectors_release(&vectors);
    free((void *)text);
    free(where);
    return rc;
}

enum reel_status embedder_open(struct cli *cli, int32_t n_wanted, struct reel_lm **out,
                               struct reel_error *err)
{
    char *where = NULL;
    struct reel_lm_options opt = reel_lm_options_default();
    *out = NULL;
    enum reel_status rc =
        n_wanted > 0 ? cli_lm_find_embedder(cli, NULL, &where, err) : REEL_OK;
    if (rc || n_wanted == 0 || !where) {
        return rc;
    }
    opt.embeds = true;
    opt.n_threads = cli->n_threads;
    rc = reel_lm_open(where, &opt, out, err);
    free(where);
    if (rc == REEL_OK && reel_lm_about(*out)->n_embedding != n_wanted) {
        reel_lm_close(*out);
        *out = NULL;
    }
    return rc;
}

enum reel_status embedder_texts(struct reel_lm *embedder, struct reel_feature_text *text,
                                int32_t n, float **room, struct reel_error *err)
{
    const size_t n_dims = (size_t)reel_lm_about(embedder)->n_embedding;
    const char **words = cli_need(calloc((size_t)n + 1, sizeof *words));
    *room = cli_need(malloc(((size_t)n * n_dims + 1) * sizeof **room));
    struct reel_lm_embed_request request = {.text = words};
    for (int32_t i = 0; i < n; i++) {
        if (text[i].text && !text[i].embedding) {
            words[request.n_texts++] = text[i].text;
        }
    }
    const enum reel_status rc = reel_lm_embed(embedder, &request, *room, err);
    float *row = *room;
    for (int32_t i = 0; rc == REEL_OK && i < n; i++) {
        if (text[i].text && !text[i].embedding) {
            text[i].embedding = is_zero(row, n_dims) ? NULL : row;
            row += n_dims;
        }
    }
    free((void *)words);
    return rc;
}
