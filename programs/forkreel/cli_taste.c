#include "cli_taste.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/** Shares are damped as if this many films of average mix were liked besides. */
#define DAMP_GENRES 5.0
#define STARS_DISLIKED 2.0F

struct gathering {
    const struct session *s;
    const double *liked; /* (films) */
    const char *language;
    struct reel_branch_document *document;
    char **text;
    int32_t n, room;
};

static void add_document(struct gathering *g, const char *text, double liked)
{
    if (g->n == g->room) {
        g->room = g->room ? 2 * g->room : 256;
        g->document =
            cli_need(realloc(g->document, (size_t)g->room * sizeof *g->document));
        g->text = cli_need(realloc(g->text, (size_t)g->room * sizeof *g->text));
    }
    g->text[g->n] = cli_need(strdup(text));
    g->document[g->n] = (struct reel_branch_document){g->text[g->n], liked};
    g->n++;
}

/** Each beat of a film is a text: as long as the branches that are compared with it. */
static enum reel_status add_beats(int64_t film_key, const char *story, void *payload,
                                  struct reel_error *err)
{
    struct gathering *g = payload;
    json_error_t problem;
    json_t *root = json_loads(story, 0, &problem);
    if (!root) {
        return cli_error(err, REEL_EFORMAT, "film %lld: story: %s", (long long)film_key,
                         problem.text);
    }
    const int32_t row =
        session_index_of(g->s->films->key, g->s->films->n_films, film_key);
    const double liked = row < 0 ? 0 : g->liked[row];
    size_t i;
    json_t *beat;
    json_array_foreach(json_object_get(root, "beats"), i, beat)
    {
        const char *text = json_string_value(json_object_get(beat, g->language));
        if (text) {
            add_document(g, text, liked);
        }
    }
    json_decref(root);
    return REEL_OK;
}

/** 1 liked, -1 disliked (two stars and less, or said so), 0 otherwise, by film. */
static double *likes_make(const struct session *s)
{
    double *liked = cli_need(calloc((size_t)s->films->n_films + 1, sizeof *liked));
    const struct reel_csr *seen = &s->history.seen, *chosen = &s->chosen.chosen;
    for (int64_t e = 0; e < seen->start[seen->n_rows]; e++) {
        const bool is_disliked = isnan(seen->value[e])
                                     ? (s->mark[e] & 1u << REEL_EVENT_DISLIKE) != 0
                                     : seen->value[e] <= STARS_DISLIKED;
        if (is_disliked) {
            liked[seen->col[e]] = -1;
        }
    }
    for (int64_t e = 0; e < chosen->start[chosen->n_rows]; e++) {
        liked[chosen->col[e]] = 1;
    }
    return liked;
}

/** log of the share of each genre among the liked over its share among all films. */
static double *lifts_make(const struct reel_film_table *films, const double *liked)
{
    const struct reel_csr *genres = &films->genres;
    const size_t n = (size_t)genres->n_cols;
    double *all = cli_need(calloc(n + 1, sizeof *all));
    double *lift = cli_need(calloc(n + 1, sizeof *lift));
    double n_liked = 0;
    for (int32_t f = 0; f < films->n_films; f++) {
        n_liked += liked[f] > 0;
        for (int64_t e = genres->start[f]; e < genres->start[f + 1]; e++) {
            all[genres->col[e]] += 1;
            lift[genres->col[e]] += liked[f] > 0;
        }
    }
    for (size_t g = 0; g < n; g++) {
        const double share = all[g] / films->n_films;
        lift[g] =
            share > 0
                ? log((lift[g] + DAMP_GENRES * share) / (n_liked + DAMP_GENRES) / share)
                : 0;
    }
    free(all);
    return lift;
}

enum reel_status session_branch_taste(struct session *s, int64_t viewer_key,
                                      const char *language,
                                      struct reel_branch_taste **out,
                                      struct reel_error *err)
{
    *out = NULL;
    enum reel_status rc = session_load(s, viewer_key, err);
    if (rc) {
        return rc;
    }
    double *liked = likes_make(s), *lift = lifts_make(s->films, liked);
    struct gathering g = {.s = s, .liked = liked, .language = language};
    rc = reel_store_stories_each(s->store, add_beats, &g, err);
    if (rc == REEL_OK) {
        const struct reel_branch_viewer viewer = {
            .document = g.document,
            .n_documents = g.n,
            .genre = s->films->genre_name,
            .genre_lift = lift,
            .n_genres = s->films->genres.n_cols,
        };
        rc = reel_branch_taste_create(&viewer, language, out, err);
    }
    for (int32_t i = 0; i < g.n; i++) {
        free(g.text[i]);
    }
    free(g.text);
    free(g.document);
    free(lift);
    free(liked);
    return rc;
}
