/** `forkreel review`: a short verdict on one film for one viewer, grounded in their history. */
#include "cli_commands.h"
#include "cli_session.h"
#include "cli_taste.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N_WORDS = 16, N_FOR = 4, N_AGAINST = 3 };

/** Effects smaller than this are noise for a reader, in stars. */
#define EFFECT_MIN 0.03

static const struct argp_option options[] = {{"viewer", 'v', "NAME", 0, "for whom", 0},
                                             {0}};

static error_t option(int key, char *arg, struct argp_state *state)
{
    const char **viewer = state->input;
    switch (key) {
    case 'v':
        *viewer = arg;
        return 0;
    case ARGP_KEY_END:
        if (!*viewer) {
            argp_error(state, "%s", tr("--viewer is needed"));
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/** One reason as a sentence; free it. */
static char *reason_text(const struct session *s,
                         const struct reel_verdict_reason *reason)
{
    const bool is_for = reason->effect >= 0;
    switch (reason->kind) {
    case REEL_VERDICT_NEIGHBOUR:
        return cli_format(is_for ? tr("%s got %.1f stars from you, more than you usually "
                                      "give; who agrees likes this one too")
                                 : tr("%s got only %.1f stars from you; who agrees does "
                                      "not like this one either"),
                          session_title(s, reason->film), reason->stars);
    case REEL_VERDICT_GENRE:
        return cli_format(is_for ? tr("%s suits you: %.1f stars on average over %d films")
                                 : tr("%s is not your genre: %.1f stars on average over "
                                      "%d films"),
                          reason->name, reason->stars, reason->n);
    case REEL_VERDICT_PERSON:
        return cli_format(is_for ? tr("with %s, to whom you gave %.1f stars (%d films)")
                                 : tr("with %s, who got only %.1f stars from you (%d "
                                      "films)"),
                          reason->name, reason->stars, reason->n);
    case REEL_VERDICT_CROWD:
        return cli_format(
            is_for ? tr("others give it %.1f stars (%d ratings), above average")
                   : tr("others give it only %.1f stars (%d ratings)"),
            reason->stars, reason->n);
    case REEL_VERDICT_LENGTH:
        break;
    }
    return cli_format(tr("much longer than the %.0f minutes of what you usually like"),
                      reason->stars);
}

/** Reasons that speak for it, then those that warn; a length is always a warning. */
static bool is_warning(const struct reel_verdict_reason *reason)
{
    return reason->kind == REEL_VERDICT_LENGTH || reason->effect < 0;
}

static void print_reasons(const struct session *s, const struct reel_verdict *verdict,
                          bool warns, int n_max, const char *label, const char *nothing)
{
    enum { LABEL_WIDTH = 12 };
    int n = 0;
    for (int32_t r = 0; r < verdict->n_reasons && n < n_max; r++) {
        const struct reel_verdict_reason *reason = &verdict->reason[r];
        if (is_warning(reason) != warns ||
            (fabs(reason->effect) < EFFECT_MIN && reason->kind != REEL_VERDICT_LENGTH)) {
            continue;
        }
        char *text = reason_text(s, reason);
        char *line = reason->kind == REEL_VERDICT_LENGTH
                         ? cli_format("%s", text)
                         : cli_format("%s (%+.2f)", text, reason->effect);
        cli_card(LABEL_WIDTH, n ? "" : label, line);
        free(line);
        free(text);
        n++;
    }
    if (n == 0) {
        cli_card(LABEL_WIDTH, label, nothing);
    }
}

/** One sentence that says it all. */
static const char *headline(const struct reel_verdict *verdict)
{
    const double lift =
        verdict->stars -
        (isnan(verdict->viewer_mean) ? verdict->stars : verdict->viewer_mean);
    if (verdict->stars >= 4.2 || (verdict->stars >= 3.8 && lift >= 0.4)) {
        return tr("A film for you.");
    }
    if (verdict->stars >= 3.6) {
        return tr("Probably worth your evening.");
    }
    if (verdict->stars >= 3) {
        return tr("It could go either way.");
    }
    return tr("Probably not for you.");
}

/** What the trained taste thinks of the film; .stars NAN where there is none. */
static enum reel_status ask_taste(struct session *s, int64_t viewer_key, int64_t film_key,
                                  struct reel_opinion *out, struct reel_error *err)
{
    struct taste_reader *reader;
    *out = (struct reel_opinion){.p_like = NAN, .stars = NAN};
    enum reel_status rc = taste_reader_open(s, viewer_key, &reader, err);
    if (rc == REEL_OK && reader) {
        rc = taste_reader_film(reader, film_key, out, err);
        rc = rc == REEL_ENOTFOUND ? REEL_OK : rc; // imported since it was trained
    }
    taste_reader_close(reader);
    return rc;
}

static bool is_rated(const struct session *s, int32_t film)
{
    const struct reel_csr *seen = &s->history.seen;
    for (int64_t e = 0; e < seen->start[seen->n_rows]; e++) {
        if (seen->col[e] == film && seen->value[e] > 0) {
            return true;
        }
    }
    return false;
}

static void print_verdict(const struct session *s, const char *name,
                          const struct reel_verdict *verdict,
                          const struct reel_opinion *taste)
{
    cli_print("%s", name);
    cli_print(tr("%.1f stars expected (%.1f to %.1f in four of five cases). %s"),
              verdict->stars, verdict->low, verdict->high, headline(verdict));
    if (!isnan(verdict->already)) {
        cli_print(tr("You gave it %.1f stars."), verdict->already);
    }
    if (!isnan(taste->p_like)) {
        cli_print(
            tr("Your taste, from what it is about: liked with %.0f %%, %.1f stars."),
            100 * (double)taste->p_like, (double)taste->stars);
    }
    print_reasons(s, verdict, false, N_FOR, tr("For it"),
                  tr("nothing in your history speaks for it in particular"));
    print_reasons(s, verdict, true, N_AGAINST, tr("Beware"),
                  tr("nothing in your history warns against it"));
}

static json_t *taste_json(const struct reel_opinion *taste)
{
    return isnan(taste->p_like)
               ? json_null()
               : json_pack("{s:o, s:o, s:{s:o, s:o, s:o}}", "p_like",
                           cli_json_real(taste->p_like), "stars",
                           cli_json_real(taste->stars), "logit", "everybody",
                           cli_json_real(taste->part_everybody), "viewer",
                           cli_json_real(taste->part_viewer), "match",
                           cli_json_real(taste->part_match));
}

static json_t *verdict_json(const struct session *s, const char *name,
                            const struct reel_verdict *verdict,
                            const struct reel_opinion *taste)
{
    static const char *const kinds[] = {"",       "neighbour", "genre",
                                        "person", "crowd",     "length"};
    json_t *reasons = cli_need(json_array());
    for (int32_t r = 0; r < verdict->n_reasons; r++) {
        const struct reel_verdict_reason *reason = &verdict->reason[r];
        char *text = reason_text(s, reason);
        json_array_append_new(
            reasons, cli_need(json_pack(
                         "{s:s, s:o, s:o, s:o, s:o, s:i, s:b, s:o}", "kind",
                         kinds[reason->kind], "film",
                         reason->film < 0 ? json_null()
                                          : json_integer(s->films->key[reason->film]),
                         "name", cli_json_text(reason->name), "stars",
                         cli_json_real(reason->stars), "effect",
                         cli_json_real(reason->effect), "n", (int)reason->n, "warns",
                         (int)is_warning(reason), "text", cli_json_text(text))));
        free(text);
    }
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:o, s:o}", "film",
                     cli_json_text(name), "stars", cli_json_real(verdict->stars), "low",
                     cli_json_real(verdict->low), "high", cli_json_real(verdict->high),
                     "viewer_mean", cli_json_real(verdict->viewer_mean), "already",
                     cli_json_real(verdict->already), "verdict", headline(verdict),
                     "reasons", reasons, "taste", taste_json(taste));
}

/** Of a film that nobody rated only words are known. */
static void trust_taste(struct reel_verdict *verdict, double stars)
{
    const double shift = stars - verdict->stars;
    verdict->stars = stars;
    verdict->low = fmax(0.5, fmin(stars, verdict->low + shift));
    verdict->high = fmin(5, fmax(stars, verdict->high + shift));
}

static enum cli_exit review_run(struct cli *cli, int argc, char **argv)
{
    static const struct cli_args args = {options, option, 1, N_WORDS, NULL};
    const char *word[N_WORDS], *viewer = NULL;
    cli_args_parse(cli, &cmd_review, &args, argc, argv, word, &viewer);
    char *text = cli_words_join(word, N_WORDS), *name = NULL;

    struct reel_error err;
    struct session s;
    struct reel_film_card card = {0};
    struct reel_verdict verdict;
    int64_t film_key = 0, viewer_key = 0;
    enum reel_status rc = session_open(cli, &s, 0, &err);
    rc = rc ? rc : reel_store_film_find(s.store, text, &film_key, &err);
    rc = rc ? rc : session_viewer_find(&s, viewer, &viewer_key, &err);
    rc = rc ? rc : session_load(&s, 0, &err);
    rc = rc ? rc : reel_store_film_load(s.store, film_key, &card, &err);
    rc = rc ? rc
            : reel_verdict_make(
                  &s.history.seen, s.films,
                  session_index_of(s.history.viewer_key, s.history.n_viewers, viewer_key),
                  session_index_of(s.history.film_key, s.history.n_films, film_key),
                  &verdict, &err);
    struct reel_opinion taste;
    rc = rc ? rc : ask_taste(&s, viewer_key, film_key, &taste, &err);
    enum cli_exit status = CLI_DONE;
    if (rc) {
        status = cli_fail(cli, &err);
    } else {
        const int32_t film =
            session_index_of(s.history.film_key, s.history.n_films, film_key);
        if (!isnan(taste.stars) && !is_rated(&s, film)) {
            trust_taste(&verdict, taste.stars);
        }
        name = session_card_name(cli, &card.film);
        if (cli->is_json) {
            status = cli_json_show(verdict_json(&s, name, &verdict, &taste));
        } else {
            print_verdict(&s, name, &verdict, &taste);
        }
    }
    free(name);
    free(text);
    reel_film_card_release(&card);
    session_close(&s);
    return status;
}

const struct cli_command cmd_review = {
    .name = "review",
    .usage = "forkreel review [OPTION...] FILM --viewer NAME",
    .summary = "a short verdict on one film for one viewer",
    .run = review_run,
};
