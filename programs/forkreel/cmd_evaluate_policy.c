/**
 * `forkreel evaluate --policy`: what the store's own logs say of ways that never ran.
 *
 * Decisions are sets of siblings, in the order in which they were shown. The arm is what
 * came first, its reward whether it was taken, its propensity what was logged. A way in
 * question is asked at each decision, knowing what was learned from the decisions before it
 * and nothing later; so is the model of rewards of the doubly robust estimate. Sets that
 * were shown in a certain order (`--choices`, `choose`) teach but are not judged: they say
 * nothing of any other order.
 */
#include "cmd_evaluate.h"

#include "cli_feedback.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N_WAYS = 5 };

static const struct {
    const char *name;
    const char *summary;
} ways[N_WAYS] = {
    {"uniform", "any first"},        {"score", "most liked first"},
    {"best", "best by choices"},     {"linucb", "LinUCB, e=0.2"},
    {"thompson", "Thompson, e=0.2"},
};

struct decision {
    char *viewer;
    int32_t n;
    int32_t i_taken;
    double propensity; /* of the first */
    double reward;
    bool is_open;  /* every order had a chance */
    double *prior; /* (n) */
    float *x;      /* (n, REEL_ARM_DIMS) */
};

/** Lists of one policy. */
struct lists {
    char *policy;
    int32_t n, n_taken;
    double sum_reward;
};

struct logs {
    struct decision *decision;
    int32_t n, room;
    struct lists *lists;
    int32_t n_lists;
};

// ---- reading ----

static enum reel_status keep_decision(const struct reel_shown *shown, void *payload,
                                      struct reel_error *err)
{
    struct logs *logs = payload;
    (void)err;
    if (isnan(shown->reward) || shown->n_items < 2) {
        return REEL_OK; // nobody chose: the player left
    }
    const size_t n = (size_t)shown->n_items;
    struct decision d = {.n = shown->n_items,
                         .i_taken = -1,
                         .propensity = shown->item[0].propensity,
                         .reward = shown->reward,
                         .is_open = true,
                         .prior = cli_need(malloc(n * sizeof *d.prior)),
                         .x = cli_need(malloc(n * REEL_ARM_DIMS * sizeof *d.x))};
    bool is_sound = true;
    for (int32_t i = 0; i < d.n; i++) {
        struct sibling_line line;
        if (!sibling_line_read(shown->item[i].about, &line)) {
            is_sound = false; // of another program
            break;
        }
        d.prior[i] = line.prior;
        branch_arm(line.event, line.tone, line.novelty, d.x + (size_t)i * REEL_ARM_DIMS);
        d.is_open = d.is_open && shown->item[i].propensity > 0;
        d.i_taken = shown->item[i].item == shown->taken ? i : d.i_taken;
    }
    if (!is_sound || d.i_taken < 0) {
        free(d.prior);
        free(d.x);
        return REEL_OK;
    }
    if (logs->n == logs->room) {
        logs->room = logs->room ? 2 * logs->room : 256;
        logs->decision = cli_need(
            realloc(logs->decision, (size_t)logs->room * sizeof *logs->decision));
    }
    d.viewer = cli_need(strdup(shown->viewer));
    logs->decision[logs->n++] = d;
    return REEL_OK;
}

static enum reel_status keep_list(const struct reel_shown *shown, void *payload,
                                  struct reel_error *err)
{
    struct logs *logs = payload;
    int32_t i = 0;
    (void)err;
    while (i < logs->n_lists && strcmp(logs->lists[i].policy, shown->policy)) {
        i++;
    }
    if (i == logs->n_lists) {
        logs->lists =
            cli_need(realloc(logs->lists, (size_t)++logs->n_lists * sizeof *logs->lists));
        logs->lists[i] = (struct lists){.policy = cli_need(strdup(shown->policy))};
    }
    logs->lists[i].n++;
    logs->lists[i].n_taken += !isnan(shown->reward);
    logs->lists[i].sum_reward += isnan(shown->reward) ? 0 : shown->reward;
    return REEL_OK;
}

static void logs_release(struct logs *logs)
{
    for (int32_t i = 0; i < logs->n; i++) {
        free(logs->decision[i].viewer);
        free(logs->decision[i].prior);
        free(logs->decision[i].x);
    }
    for (int32_t i = 0; i < logs->n_lists; i++) {
        free(logs->lists[i].policy);
    }
    free(logs->decision);
    free(logs->lists);
}

// ---- asking the ways ----

/** The bandits of all viewers met so far. */
struct minds {
    const char **viewer;
    struct reel_bandit **bandit;
    int32_t n;
};

static enum reel_status mind_of(struct minds *minds, const char *viewer,
                                struct reel_bandit **out, struct reel_error *err)
{
    for (int32_t i = 0; i < minds->n; i++) {
        if (!strcmp(minds->viewer[i], viewer)) {
            *out = minds->bandit[i];
            return REEL_OK;
        }
    }
    const struct reel_bandit_options opt = reel_bandit_options_default();
    const enum reel_status rc = reel_bandit_create(REEL_ARM_DIMS, &opt, out, err);
    if (rc) {
        return rc;
    }
    const size_t n = (size_t)minds->n + 1;
    minds->viewer = cli_need(realloc(minds->viewer, n * sizeof *minds->viewer));
    minds->bandit = cli_need(realloc(minds->bandit, n * sizeof *minds->bandit));
    minds->viewer[minds->n] = viewer;
    minds->bandit[minds->n++] = *out;
    return REEL_OK;
}

static void minds_release(struct minds *minds)
{
    for (int32_t i = 0; i < minds->n; i++) {
        reel_bandit_free(minds->bandit[i]);
    }
    free(minds->viewer);
    free(minds->bandit);
}

/** With which probability a way would have put each arm first. */
static enum reel_status ask(int way, struct reel_bandit *bandit, const struct decision *d,
                            uint64_t seed, int32_t *order, double *propensity,
                            struct reel_error *err)
{
    struct reel_bandit_options opt = reel_bandit_options_default();
    int32_t best = 0;
    for (int32_t i = 0; i < d->n; i++) {
        best = d->prior[i] > d->prior[best] ? i : best;
        propensity[i] = 1.0 / d->n;
    }
    if (way < 2) {
        for (int32_t i = 0; way == 1 && i < d->n; i++) {
            propensity[i] = i == best;
        }
        return REEL_OK;
    }
    opt.exploration = way == 2 ? 0 : opt.exploration;
    opt.policy = way == 3 ? REEL_BANDIT_LINUCB : REEL_BANDIT_THOMPSON;
    enum reel_status rc = reel_bandit_tune(bandit, &opt, err);
    return rc ? rc
              : reel_bandit_rank(bandit, d->x, d->prior, d->n, seed, order, propensity,
                                 err);
}

static double clip(double x)
{
    return x < 0 ? 0 : x > 1 ? 1 : x;
}

/** One decision for all ways, at place `i_open` of their logs. */
static enum reel_status judge(struct reel_bandit *bandit, const struct decision *d,
                              uint64_t seed, struct reel_logged *log[N_WAYS],
                              int32_t i_open, struct reel_error *err)
{
    const size_t n = (size_t)d->n;
    double *mean = cli_need(malloc(2 * n * sizeof *mean)), *propensity = mean + n;
    int32_t *order = cli_need(malloc(n * sizeof *order));
    enum reel_status rc = reel_bandit_value(bandit, d->x, d->n, mean, NULL, err);
    for (int way = 0; rc == REEL_OK && way < N_WAYS; way++) {
        rc = ask(way, bandit, d, seed, order, propensity, err);
        double guess = 0;
        for (int32_t i = 0; rc == REEL_OK && i < d->n; i++) {
            guess += propensity[i] * clip(d->prior[i] + mean[i]);
        }
        log[way][i_open] = (struct reel_logged){
            .propensity = d->propensity,
            .target = propensity[0] > 1 ? 1 : propensity[0], // rounding
            .reward = d->reward,
            .model_shown = clip(d->prior[0] + mean[0]),
            .model_target = guess,
        };
    }
    free(order);
    free(mean);
    return rc;
}

/** Decisions in their order: asked first, learned from then. */
static enum reel_status judge_all(const struct logs *logs, uint64_t seed,
                                  struct reel_logged *log[N_WAYS], int32_t *n_open,
                                  struct reel_error *err)
{
    struct minds minds = {0};
    enum reel_status rc = REEL_OK;
    *n_open = 0;
    for (int32_t i = 0; rc == REEL_OK && i < logs->n; i++) {
        const struct decision *d = &logs->decision[i];
        struct reel_bandit *bandit;
        rc = mind_of(&minds, d->viewer, &bandit, err);
        if (rc == REEL_OK && d->is_open) {
            rc = judge(bandit, d, seed + (uint64_t)i, log, *n_open, err);
            (*n_open)++;
        }
        for (int32_t a = 0; rc == REEL_OK && a < d->n; a++) {
            rc = reel_bandit_learn(bandit, d->x + (size_t)a * REEL_ARM_DIMS, d->prior[a],
                                   a == d->i_taken, NULL, err);
        }
    }
    minds_release(&minds);
    return rc;
}

// ---- showing ----

static void estimate_cells(struct cli_table *table, const struct reel_estimate *e)
{
    if (isnan(e->value)) {
        cli_table_text(table, "-");
    } else {
        cli_table_cell(table, "%.3f", e->value);
    }
    cli_table_cell(table, "%.3f..%.3f", e->low, e->high);
}

static void print_ways(const struct reel_off_policy *said, int32_t n_open,
                       double mean_reward)
{
    static const struct cli_column columns[] = {
        {"WAY", CLI_LEFT},    {"IPS", CLI_RIGHT},  {"95 %", CLI_RIGHT},
        {"SNIPS", CLI_RIGHT}, {"95 %", CLI_RIGHT}, {"DR", CLI_RIGHT},
        {"95 %", CLI_RIGHT},  {"N EFF", CLI_RIGHT}};
    struct cli_table table;
    cli_print(
        tr("How often the choice shown first is taken; %d decisions, %.3f as it was:"),
        n_open, mean_reward);
    cli_table_init(&table, columns, sizeof columns / sizeof *columns);
    for (int way = 0; way < N_WAYS; way++) {
        cli_table_line(&table);
        cli_table_text(&table, ways[way].name);
        estimate_cells(&table, &said[way].ips);
        estimate_cells(&table, &said[way].snips);
        estimate_cells(&table, &said[way].doubly_robust);
        cli_table_cell(&table, "%.0f", said[way].ips.n_effective);
    }
    cli_table_show(&table);
    cli_table_release(&table);
}

static void print_lists(const struct logs *logs)
{
    static const struct cli_column columns[] = {{"MODEL", CLI_LEFT},
                                                {"LISTS", CLI_RIGHT},
                                                {"TAKEN", CLI_RIGHT},
                                                {"REWARD", CLI_RIGHT}};
    struct cli_table table;
    cli_print("%s", tr("Lists shown, and what was made of them within thirty days:"));
    cli_table_init(&table, columns, sizeof columns / sizeof *columns);
    for (int32_t i = 0; i < logs->n_lists; i++) {
        const struct lists *lists = &logs->lists[i];
        cli_table_line(&table);
        cli_table_text(&table, lists->policy);
        cli_table_cell(&table, "%d", lists->n);
        cli_table_cell(&table, "%.0f %%", 100.0 * lists->n_taken / lists->n);
        cli_table_cell(&table, "%.3f", lists->sum_reward / lists->n);
    }
    cli_table_show(&table);
    cli_table_release(&table);
}

static json_t *estimate_json(const struct reel_estimate *e)
{
    return json_pack("{s:o, s:o, s:o}", "value", cli_json_real(e->value), "low",
                     cli_json_real(e->low), "high", cli_json_real(e->high));
}

static enum cli_exit show_json(const struct logs *logs,
                               const struct reel_off_policy *said, int32_t n_open,
                               double mean_reward)
{
    json_t *judged = cli_need(json_array()), *lists = cli_need(json_array());
    for (int way = 0; n_open > 0 && way < N_WAYS; way++) {
        json_array_append_new(judged,
                              json_pack("{s:s, s:s, s:o, s:o, s:o, s:f}", "way",
                                        ways[way].name, "summary", ways[way].summary,
                                        "ips", estimate_json(&said[way].ips), "snips",
                                        estimate_json(&said[way].snips), "doubly_robust",
                                        estimate_json(&said[way].doubly_robust),
                                        "n_effective", said[way].ips.n_effective));
    }
    for (int32_t i = 0; i < logs->n_lists; i++) {
        json_array_append_new(
            lists, json_pack("{s:o, s:i, s:i, s:f}", "model",
                             cli_json_text(logs->lists[i].policy), "lists",
                             (int)logs->lists[i].n, "taken", (int)logs->lists[i].n_taken,
                             "reward", logs->lists[i].sum_reward / logs->lists[i].n));
    }
    return cli_json_show(json_pack("{s:i, s:i, s:o, s:o, s:o}", "decisions", (int)n_open,
                                   "certain", (int)(logs->n - n_open), "reward",
                                   cli_json_real(mean_reward), "ways", judged, "lists",
                                   lists));
}

static enum cli_exit show(struct cli *cli, const struct logs *logs,
                          const struct reel_off_policy *said, int32_t n_open)
{
    double sum = 0;
    for (int32_t i = 0; i < logs->n; i++) {
        sum += logs->decision[i].is_open ? logs->decision[i].reward : 0;
    }
    const double mean = n_open > 0 ? sum / n_open : NAN;
    if (cli->is_json) {
        return show_json(logs, said, n_open, mean);
    }
    if (n_open > 0) {
        print_ways(said, n_open, mean);
    } else {
        cli_say(cli, "%s",
                tr("nobody chose yet among branches whose order was left to chance; "
                   "'forkreel play STORY --viewer NAME' brings that"));
    }
    if (logs->n_lists > 0) {
        print_lists(logs);
    }
    return CLI_DONE;
}

enum cli_exit evaluate_policy(struct cli *cli, uint64_t seed)
{
    struct reel_error err;
    struct session s;
    struct logs logs = {0};
    struct reel_logged *log[N_WAYS] = {NULL};
    struct reel_off_policy said[N_WAYS] = {0};
    int32_t n_open = 0;
    enum reel_status rc = session_open(cli, &s, 0, &err);
    rc = rc ? rc
            : reel_store_shown_each(s.store, NULL, REEL_SHOWN_BRANCHES, keep_decision,
                                    &logs, &err);
    rc = rc ? rc
            : reel_store_shown_each(s.store, NULL, REEL_SHOWN_FILMS, keep_list, &logs,
                                    &err);
    for (int way = 0; way < N_WAYS; way++) {
        log[way] = cli_need(calloc((size_t)logs.n + 1, sizeof *log[way]));
    }
    rc = rc ? rc : judge_all(&logs, seed, log, &n_open, &err);
    for (int way = 0; rc == REEL_OK && n_open > 0 && way < N_WAYS; way++) {
        rc = reel_off_policy_evaluate(log[way], n_open, seed, &said[way], &err);
    }
    const enum cli_exit status =
        rc ? cli_fail(cli, &err) : show(cli, &logs, said, n_open);
    for (int way = 0; way < N_WAYS; way++) {
        free(log[way]);
    }
    logs_release(&logs);
    session_close(&s);
    return status;
}
