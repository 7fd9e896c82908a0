/** Part of `forkreel evaluate --taste`: what a newcomer's answers are worth. */
#include "cli_session.h"
#include "cmd_evaluate.h"

#include <stdlib.h>

static void add_share(struct reel_welcome_measures *mean,
                      const struct reel_welcome_measures *one, int32_t n)
{
    mean->n_viewers += one->n_viewers;
    mean->full += one->full / n;
    for (int q = 0; q <= REEL_WELCOME_QUESTIONS_MAX; q++) {
        mean->chosen[q] += one->chosen[q] / n;
        mean->popular[q] += one->popular[q] / n;
        mean->random[q] += one->random[q] / n;
    }
    for (int w = 0; w < 3; w++) {
        mean->known[w] += one->known[w] / n;
    }
}

enum reel_status evaluate_welcome_run(const struct session *s, int32_t n_seeds,
                                      uint64_t seed, struct reel_welcome_measures *out,
                                      struct reel_error *err)
{
    struct reel_welcome_measure_options opt = reel_welcome_measure_options_default();
    opt.n_threads = s->cli->n_threads;
    *out = (struct reel_welcome_measures){0};
    enum reel_status rc = REEL_OK;
    for (int32_t i = 0; i < n_seeds && rc == REEL_OK; i++) {
        struct reel_welcome_measures one;
        opt.seed = seed + (uint64_t)i;
        rc = reel_welcome_measure(&s->history.seen, &s->chosen.chosen, s->mark, &opt,
                                  &one, err);
        if (rc == REEL_OK) {
            add_share(out, &one, n_seeds);
        }
    }
    if (rc == REEL_EFAIL || rc == REEL_EINVAL) { // too few films or viewers to play it
        *out = (struct reel_welcome_measures){0};
        return REEL_OK;
    }
    return rc;
}

void evaluate_welcome_print(const struct reel_welcome_measures *said)
{
    static const struct cli_column columns[] = {{"QUESTIONS", CLI_RIGHT},
                                                {"PICKED", CLI_RIGHT},
                                                {"MOST LIKED FILMS", CLI_RIGHT},
                                                {"ANY FILMS", CLI_RIGHT}};
    if (said->n_viewers == 0) {
        return;
    }
    struct cli_table table;
    cli_print(tr("NDCG@10 of newcomers after so many questions, as a share of what their "
                 "full history gives als (%.3f; %d viewers held out):"),
              said->full, said->n_viewers);
    cli_table_init(&table, columns, sizeof columns / sizeof *columns);
    for (int q = 0; q <= REEL_WELCOME_QUESTIONS_MAX; q++) {
        cli_table_line(&table);
        cli_table_cell(&table, "%d", q);
        cli_table_cell(&table, "%.0f %%", 100 * said->chosen[q] / said->full);
        cli_table_cell(&table, "%.0f %%", 100 * said->popular[q] / said->full);
        cli_table_cell(&table, "%.0f %%", 100 * said->random[q] / said->full);
    }
    cli_table_show(&table);
    cli_table_release(&table);
}

json_t *evaluate_welcome_json(const struct reel_welcome_measures *said)
{
    const struct {
        const char *name;
        const double *ndcg;
    } ways[] = {
        {"chosen", said->chosen}, {"most_liked", said->popular}, {"any", said->random}};
    if (said->n_viewers == 0) {
        return json_null();
    }
    json_t *root = json_pack("{s:i, s:o}", "viewers", (int)said->n_viewers, "full",
                             cli_json_real(said->full));
    for (size_t w = 0; w < sizeof ways / sizeof *ways; w++) {
        json_t *curve = cli_need(json_array());
        for (int q = 0; q <= REEL_WELCOME_QUESTIONS_MAX; q++) {
            json_array_append_new(curve, cli_json_real(ways[w].ndcg[q]));
        }
        json_object_set_new(root, ways[w].name, curve);
    }
    return root;
}
