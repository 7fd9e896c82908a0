/** `forkreel story`: the tree of a story with its scores, or one scene with everything. */
#include "cli_commands.h"
#include "cli_story.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_NODE = 1, KEY_CHECKS };

struct story_words {
    int32_t i_node; /* -1 the tree */
    bool with_checks;
};

static const struct argp_option options[] = {
    {"node", KEY_NODE, "N", 0, "one scene with everything known of it", 0},
    {"checks", KEY_CHECKS, NULL, 0, "what the checks dropped", 0},
    {0},
};

static error_t option(int key, char *arg, struct argp_state *state)
{
    struct story_words *words = state->input;
    switch (key) {
    case KEY_NODE:
        words->i_node = cli_arg_int(state, "--node", arg, 0, REEL_STORY_MAX_NODES - 1);
        return 0;
    case KEY_CHECKS:
        words->with_checks = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* ---- the tree ---- */

static void print_head(const struct reel_story *story)
{
    int32_t n_endings = 0, n_planned = 0;
    for (int32_t i = 0; i < story->n_nodes; i++) {
        n_endings += story->node[i].is_ending;
        n_planned += story->node[i].provenance == REEL_BY_TEMPLATE;
    }
    cli_print("%s  %s", story->title, story->id);
    cli_print(tr("%d scenes, %d endings, %d with the planned sentence alone"),
              story->n_nodes, n_endings, n_planned);
    if (story->viewer) {
        cli_print(tr("grown for %s"), story->viewer);
    }
    if (story->model) {
        cli_print(tr("written with %s, seed %llu"), story->model,
                  (unsigned long long)story->seed);
    }
    putchar('\n');
}

/** How many candidates each check dropped, over all nodes or one. */
static void print_checks(const struct reel_story *story, int32_t i_node)
{
    static const struct cli_column columns[] = {
        {"CHECK", CLI_LEFT}, {"PASSED BY", CLI_RIGHT}, {"DROPPED", CLI_RIGHT}};
    struct cli_table table;
    const char **name = NULL;
    size_t n_names = 0;
    cli_table_init(&table, columns, sizeof columns / sizeof *columns);
    for (int32_t i = 0; i < story->n_nodes; i++) {
        for (int32_t c = 0; c < story->node[i].n_checks; c++) {
            size_t at = 0;
            while (at < n_names && strcmp(name[at], story->node[i].check[c].name) != 0) {
                at++;
            }
            if (at == n_names && (i_node < 0 || i == i_node)) {
                name = cli_need(realloc(name, (n_names + 1) * sizeof *name));
                name[n_names++] = story->node[i].check[c].name;
            }
        }
    }
    for (size_t k = 0; k < n_names; k++) {
        int32_t n_passed = 0, n_dropped = 0;
        for (int32_t i = 0; i < story->n_nodes; i++) {
            for (int32_t c = 0; c < story->node[i].n_checks; c++) {
                const struct reel_check_result *check = &story->node[i].check[c];
                if (!strcmp(check->name, name[k]) && (i_node < 0 || i == i_node)) {
                    n_passed += check->is_passed;
                    n_dropped += check->n_failed_candidates;
                }
            }
        }
        cli_table_line(&table);
        cli_table_text(&table, name[k]);
        cli_table_cell(&table, "%d", n_passed);
        cli_table_cell(&table, "%d", n_dropped);
    }
    if (n_names > 0) {
        putchar('\n');
        cli_table_show(&table);
    }
    cli_table_release(&table);
    free(name);
}

/* ---- one scene ---- */

/** "Mara (a), Otto (b)"; free it. */
static char *roles_text(const struct reel_story *story,
                        const struct reel_story_node *node)
{
    char *text = cli_format("%s", "");
    for (int32_t r = 0; r < node->n_roles; r++) {
        char *longer =
            cli_format("%s%s%s (%s)", text, r ? ", " : "",
                       story->entity[node->role[r].entity].name, node->role[r].role);
        free(text);
        text = longer;
    }
    return text;
}

/** "+ Mara has the ticket; - Otto has the ticket"; free it. */
static char *changes_text(const struct reel_story *story,
                          const struct reel_story_node *node)
{
    char *text = cli_format("%s", "");
    for (int32_t f = 0; f < node->n_gained + node->n_lost; f++) {
        const bool is_lost = f >= node->n_gained;
        const struct reel_fact *fact =
            is_lost ? &node->lost[f - node->n_gained] : &node->gained[f];
        char *longer =
            cli_format("%s%s%c %s %s%s%s", text, f ? "; " : "", is_lost ? '-' : '+',
                       story->entity[fact->subject].name, fact->relation,
                       fact->object < 0 ? "" : " ",
                       fact->object < 0 ? "" : story->entity[fact->object].name);
        free(text);
        text = longer;
    }
    return text;
}

static char *parents_text(const struct reel_story_node *node)
{
    char *text = cli_format("%s", "");
    for (int32_t p = 0; p < node->n_parents; p++) {
        char *longer = cli_format("%s%s%d", text, p ? ", " : "", node->parent[p]);
        free(text);
        text = longer;
    }
    return text;
}

static void print_node(const struct cli *cli, const struct reel_story *story,
                       int32_t i_node)
{
    const struct reel_story_node *node = &story->node[i_node];
    const char *const labels[] = {
        tr("Scene"),   tr("After"), tr("Choice"),  tr("Event"),  tr("Roles"),
        tr("Planned"), tr("Text"),  tr("Changes"), tr("Ending"), tr("Leads to")};
    int width = 0;
    for (size_t i = 0; i < sizeof labels / sizeof *labels; i++) {
        width = cli_width(labels[i]) > width ? cli_width(labels[i]) : width;
    }
    char *number = cli_format("%d", i_node), *after = parents_text(node),
         *roles = roles_text(story, node), *changes = changes_text(story, node),
         *next = cli_format("%s", "");
    int32_t *child = cli_need(malloc((size_t)story->n_nodes * sizeof *child));
    const int32_t n = reel_story_children(story, i_node, child, story->n_nodes);
    for (int32_t c = 0; c < n; c++) {
        char *longer = cli_format("%s%s%d %s", next, c ? "; " : "", child[c],
                                  story->node[child[c]].choice);
        free(next);
        next = longer;
    }
    const char *const values[] = {
        number,     after,      node->choice, story_event_label(cli, node->event), roles,
        node->plan, node->text, changes,      story_ending_word(node->ending),     next};
    for (size_t i = 0; i < sizeof labels / sizeof *labels; i++) {
        cli_card(width, labels[i], values[i]);
    }
    putchar('\n');
    story_print_why(cli, node);
    if (i_node > 0) {
        char *diversity = isnan(node->diversity) ? cli_format("-")
                                                 : cli_format("%.2f", node->diversity);
        printf("\n");
        cli_print(tr("score %.2f, diversity %s"), node->score, diversity);
        free(diversity);
    }
    free(child);
    free(number);
    free(after);
    free(roles);
    free(changes);
    free(next);
}

static enum cli_exit story_run(struct cli *cli, int argc, char **argv)
{
    static const struct cli_args args = {options, option, 1, 1, NULL};
    struct story_words words = {.i_node = -1};
    const char *name;
    cli_args_parse(cli, &cmd_story, &args, argc, argv, &name, &words);
    struct reel_error err;
    struct reel_story *story;
    enum reel_status rc = story_open(cli, name, &story, &err);
    rc = rc || words.i_node < 0 ? rc : story_node_find(story, words.i_node, &err);
    enum cli_exit status = CLI_DONE;
    if (rc) {
        status = cli_fail(cli, &err);
    } else if (cli->is_json) {
        status = cli_json_show(words.i_node < 0 ? story_json(story)
                                                : story_node_json(story, words.i_node));
    } else {
        if (words.i_node < 0) {
            print_head(story);
            story_print_tree(cli, story);
        } else {
            print_node(cli, story, words.i_node);
        }
        if (words.with_checks) {
            print_checks(story, words.i_node);
        }
    }
    reel_story_free(story);
    return status;
}

const struct cli_command cmd_story = {
    .name = "story",
    .usage = "forkreel story [OPTION...] STORY",
    .summary = "the tree of a story with its scores, or one scene",
    .run = story_run,
};
