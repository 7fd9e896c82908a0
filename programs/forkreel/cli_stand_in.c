/** Stand-ins; see cli_stand_in.h. */
#include "cli_stand_in.h"
#include "cli_embed.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct stand_ins {
    struct taste_reader *reader;
    float *score;         /* (films) NAN unknown */
    struct texts all;     /* of all films */
    struct texts unknown; /* (n) those the taste model does not know; strings of `all` */
    int32_t *film;        /* (n) their rows */
    struct taste_reasons told;
};

void stand_ins_free(struct stand_ins *s)
{
    if (s) {
        taste_reader_close(s->reader);
        taste_reasons_release(&s->told);
        texts_release(&s->unknown);
        texts_release(&s->all);
        free(s->score);
        free(s->film);
        free(s);
    }
}

/** Films that came after the taste was trained. */
static enum reel_status judge(struct session *session, struct stand_ins *s, int32_t n,
                              struct reel_error *err)
{
    int32_t n_dims;
    enum reel_status rc = n > 0 ? texts_of_films(session, &s->all, err) : REEL_OK;
    if (rc || n == 0) {
        return rc;
    }
    struct reel_opinion *opinion = cli_need(calloc((size_t)n, sizeof *opinion));
    s->unknown.text = cli_need(malloc((size_t)n * sizeof *s->unknown.text));
    s->unknown.n = n;
    for (int32_t i = 0; i < n; i++) {
        s->unknown.text[i] = s->all.text[s->film[i]];
    }
    const int32_t n_wanted = taste_reader_n_embedding(s->reader);
    rc = n_wanted > 0
             ? texts_embed(session->cli, NULL, n_wanted, &s->unknown, &n_dims, err)
             : REEL_OK;
    rc = rc ? rc : taste_reader_texts(s->reader, s->unknown.text, n, opinion, err);
    for (int32_t i = 0; rc == REEL_OK && i < n; i++) {
        s->score[s->film[i]] = opinion[i].score;
    }
    free(opinion);
    return rc;
}

static enum reel_reason_kind kind_of(const char *kind)
{
    return strcmp(kind, "people") == 0   ? REEL_REASON_PERSON
           : strcmp(kind, "genres") == 0 ? REEL_REASON_GENRE
                                         : REEL_REASON_TEXT;
}

/** The words that speak loudest, all others, and what everybody will think. */
static enum reel_status explain(int32_t film, struct reel_reason *out, int32_t n_max,
                                int32_t *n, void *payload, struct reel_error *err)
{
    struct stand_ins *s = payload;
    int32_t at = 0;
    *n = 0;
    while (at < s->unknown.n && s->film[at] != film) {
        at++;
    }
    if (at == s->unknown.n) {
        return REEL_OK;
    }
    struct reel_opinion opinion;
    taste_reasons_release(&s->told);
    const enum reel_status rc = taste_reader_reasons(
        s->reader, &s->unknown.text[at], 1, REEL_TASTE_SCORE, &opinion, &s->told, err);
    if (rc) {
        return rc;
    }
    double match = s->told.rest, others = s->told.rest;
    for (int32_t i = 0; i < s->told.list.n; i++) {
        const struct reel_feature_reason *reason = &s->told.list.reason[i];
        match += reason->amount;
        if (reason->name && *n < n_max - 2) {
            out[(*n)++] = (struct reel_reason){.kind = kind_of(reason->kind),
                                               .film = -1,
                                               .name = reason->name,
                                               .amount = reason->amount};
        } else {
            others += reason->amount;
        }
    }
    out[(*n)++] =
        (struct reel_reason){.kind = REEL_REASON_TEXT, .film = -1, .amount = others};
    out[(*n)++] = (struct reel_reason){.kind = REEL_REASON_POPULARITY,
                                       .film = -1,
                                       .amount = (double)opinion.score - match};
    return REEL_OK;
}

enum reel_status stand_ins_make(struct session *session, int64_t viewer_key,
                                const struct reel_model *model,
                                struct reel_list_options *opt, struct stand_ins **out,
                                struct reel_error *err)
{
    const struct reel_film_table *films = session->films;
    struct taste_reader *reader = NULL;
    *out = NULL;
    enum reel_status rc = reel_model_n_films(model) < films->n_films
                              ? taste_reader_open(session, viewer_key, &reader, err)
                              : REEL_OK;
    if (rc || !reader) {
        return rc;
    }
    struct stand_ins *s = cli_need(calloc(1, sizeof *s));
    const size_t n_films = (size_t)films->n_films;
    int32_t n = 0;
    s->reader = reader;
    s->score = cli_need(malloc((n_films + 1) * sizeof *s->score));
    s->film = cli_need(malloc((n_films + 1) * sizeof *s->film));
    for (int32_t f = 0; f < films->n_films; f++) {
        struct reel_opinion opinion;
        struct reel_error other;
        const bool is_known =
            taste_reader_film(reader, films->key[f], &opinion, &other) == REEL_OK;
        s->score[f] = is_known ? opinion.score : NAN;
        if (!is_known) {
            s->film[n++] = f;
        }
    }
    rc = judge(session, s, n, err);
    if (rc) {
        stand_ins_free(s);
        return rc;
    }
    opt->stand_in = s->score;
    opt->explain_stand_in = explain;
    opt->stand_in_payload = s;
    *out = s;
    return REEL_OK;
}
