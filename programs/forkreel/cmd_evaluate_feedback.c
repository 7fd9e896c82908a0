/**
 * The part of `forkreel evaluate --taste` that is about learning from what people do. The
 * truth must be known, so these are simulated sets (feedback.h), the same on every machine.
 */
#include "cmd_evaluate.h"

#include <math.h>

static const double strengths[EVALUATE_FEEDBACK_STRENGTHS] = {0, 0.4, 0.8};
static const char *const strength_names[] = {"none", "some", "much"};
static const char *const policy_names[] = {"random", "linucb", "thompson"};

static enum reel_status run_context(struct evaluate_feedback *out, uint64_t seed,
                                    struct reel_error *err)
{
    enum reel_status rc = REEL_OK;
    for (int k = 0; rc == REEL_OK && k < EVALUATE_FEEDBACK_STRENGTHS; k++) {
        struct reel_context_gain *mean = &out->context[k];
        for (uint64_t i = 0; rc == REEL_OK && i < EVALUATE_FEEDBACK_SEEDS; i++) {
            struct reel_context_gain one;
            rc = reel_context_simulate(strengths[k], seed + i, &one, err);
            mean->log_loss_without += one.log_loss_without / EVALUATE_FEEDBACK_SEEDS;
            mean->log_loss_with += one.log_loss_with / EVALUATE_FEEDBACK_SEEDS;
            mean->ndcg_without += one.ndcg_without / EVALUATE_FEEDBACK_SEEDS;
            mean->ndcg_with += one.ndcg_with / EVALUATE_FEEDBACK_SEEDS;
            mean->ndcg_best += one.ndcg_best / EVALUATE_FEEDBACK_SEEDS;
        }
    }
    return rc;
}

static enum reel_status run_regret(struct evaluate_feedback *out, uint64_t seed,
                                   struct reel_error *err)
{
    enum reel_status rc = REEL_OK;
    struct reel_bandit_options opt = reel_bandit_options_default();
    for (int p = 0; p < EVALUATE_FEEDBACK_POLICIES; p++) {
        opt.policy = p == 1 ? REEL_BANDIT_LINUCB : REEL_BANDIT_THOMPSON;
        for (uint64_t i = 0; rc == REEL_OK && i < EVALUATE_FEEDBACK_SEEDS; i++) {
            double regret[EVALUATE_FEEDBACK_ROUNDS];
            rc =
                reel_bandit_simulate(p ? &opt : NULL, EVALUATE_FEEDBACK_ROUNDS,
                                     EVALUATE_FEEDBACK_ROUNDS / 2, seed + i, regret, err);
            for (int t = 0; rc == REEL_OK && t < EVALUATE_FEEDBACK_ROUNDS; t++) {
                out->regret[p][t] += regret[t] / EVALUATE_FEEDBACK_SEEDS;
            }
        }
    }
    return rc;
}

enum reel_status evaluate_feedback_run(uint64_t seed, struct evaluate_feedback *out,
                                       struct reel_error *err)
{
    *out = (struct evaluate_feedback){.policy = policy_names};
    const enum reel_status rc = run_context(out, seed, err);
    return rc ? rc : run_regret(out, seed, err);
}

/** Regret of a round in the part of the rounds that begins and ends so. */
static double regret_of(const struct evaluate_feedback *said, int policy, int begin,
                        int end)
{
    return (said->regret[policy][end - 1] -
            (begin ? said->regret[policy][begin - 1] : 0)) /
           (end - begin);
}

static void print_context(const struct evaluate_feedback *said)
{
    static const struct cli_column columns[] = {
        {"MATTERS", CLI_LEFT},       {"LOSS WITHOUT", CLI_RIGHT},
        {"LOSS WITH", CLI_RIGHT},    {"NDCG@10 WITHOUT", CLI_RIGHT},
        {"NDCG@10 WITH", CLI_RIGHT}, {"NDCG@10 TRUTH", CLI_RIGHT}};
    struct cli_table table;
    cli_print("%s", tr("What knowing the situation is worth (simulated, so the truth is "
                       "known):"));
    cli_table_init(&table, columns, sizeof columns / sizeof *columns);
    for (int k = 0; k < EVALUATE_FEEDBACK_STRENGTHS; k++) {
        const struct reel_context_gain *gain = &said->context[k];
        cli_table_line(&table);
        cli_table_text(&table, strength_names[k]);
        cli_table_cell(&table, "%.4f", gain->log_loss_without);
        cli_table_cell(&table, "%.4f", gain->log_loss_with);
        cli_table_cell(&table, "%.4f", gain->ndcg_without);
        cli_table_cell(&table, "%.4f", gain->ndcg_with);
        cli_table_cell(&table, "%.4f", gain->ndcg_best);
    }
    cli_table_show(&table);
    cli_table_release(&table);
}

void evaluate_feedback_print(const struct evaluate_feedback *said)
{
    enum { TURN = EVALUATE_FEEDBACK_ROUNDS / 2, LATE = TURN / 2 };
    static const struct cli_column columns[] = {{"WAY", CLI_LEFT},
                                                {"AT FIRST", CLI_RIGHT},
                                                {"THEN", CLI_RIGHT},
                                                {"TASTE TURNS", CLI_RIGHT},
                                                {"THEN", CLI_RIGHT}};
    struct cli_table table;
    print_context(said);
    cli_print(tr("Regret of a choice while a viewer's taste of branches is learned "
                 "(simulated; it turns around after %d):"),
              TURN);
    cli_table_init(&table, columns, sizeof columns / sizeof *columns);
    for (int p = 0; p < EVALUATE_FEEDBACK_POLICIES; p++) {
        cli_table_line(&table);
        cli_table_text(&table, said->policy[p]);
        cli_table_cell(&table, "%.3f", regret_of(said, p, 0, LATE));
        cli_table_cell(&table, "%.3f", regret_of(said, p, LATE, TURN));
        cli_table_cell(&table, "%.3f", regret_of(said, p, TURN, TURN + LATE));
        cli_table_cell(&table, "%.3f",
                       regret_of(said, p, TURN + LATE, EVALUATE_FEEDBACK_ROUNDS));
    }
    cli_table_show(&table);
    cli_table_release(&table);
}

json_t *evaluate_feedback_json(const struct evaluate_feedback *said)
{
    json_t *context = cli_need(json_array()), *regret = cli_need(json_object());
    for (int k = 0; k < EVALUATE_FEEDBACK_STRENGTHS; k++) {
        const struct reel_context_gain *gain = &said->context[k];
        json_array_append_new(
            context,
            json_pack("{s:f, s:f, s:f, s:f, s:f, s:f}", "strength", strengths[k],
                      "log_loss_without", gain->log_loss_without, "log_loss_with",
                      gain->log_loss_with, "ndcg_without", gain->ndcg_without,
                      "ndcg_with", gain->ndcg_with, "ndcg_best", gain->ndcg_best));
    }
    for (int p = 0; p < EVALUATE_FEEDBACK_POLICIES; p++) {
        json_t *curve = cli_need(json_array());
        for (int t = 0; t < EVALUATE_FEEDBACK_ROUNDS; t++) {
            json_array_append_new(curve, cli_json_real(said->regret[p][t]));
        }
        json_object_set_new(regret, said->policy[p], curve);
    }
    return json_pack("{s:o, s:o}", "context", context, "regret", regret);
}
