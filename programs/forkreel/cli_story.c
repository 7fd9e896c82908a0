/**
 * Stories of the home: found by name, shown as trees, told why.
 */
#include "cli_story.h"

#include <dirent.h>
#include <errno.h>
#include <libsmartcols.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- places ---- */

char *story_path(const struct cli *cli, const char *id)
{
    return cli_format("%s/stories/%s.json", cli->home, id);
}

char *story_walk_path(const struct cli *cli, const char *id, const char *name)
{
    return name ? cli_format("%s/walks/%s.%s.json", cli->home, id, name)
                : cli_format("%s/walks/%s.json", cli->home, id);
}

enum reel_status story_folder_make(const struct cli *cli, const char *name,
                                   struct reel_error *err)
{
    char *path = cli_home_path(cli, name);
    for (char *at = path + 1; *at; at++) {
        if (*at == '/') {
            *at = 0;
            mkdir(path, 0777); // the last one tells whether it worked
            *at = '/';
        }
    }
    const bool is_there = mkdir(path, 0777) == 0 || errno == EEXIST;
    const enum reel_status rc =
        is_there ? REEL_OK : cli_error(err, REEL_EIO, "%s: %s", path, strerror(errno));
    free(path);
    return rc;
}

char *cli_data_folder(void)
{
    static const char *const beside[] = {"../share/forkreel", "../../data", "../data"};
    char program[4096];
    const ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    if (n <= 0) {
        return NULL;
    }
    program[n] = 0;
    *strrchr(program, '/') = 0;
    for (size_t i = 0; i < sizeof beside / sizeof *beside; i++) {
        char *folder = cli_format("%s/%s", program, beside[i]),
             *catalogue = cli_format("%s/catalogue", folder);
        const bool is_there = access(catalogue, R_OK | X_OK) == 0;
        free(catalogue);
        char *whole = is_there ? realpath(folder, NULL) : NULL;
        free(folder);
        if (whole) {
            return whole;
        }
    }
    return NULL;
}

/* ---- finding ---- */

static int is_story_file(const struct dirent *entry)
{
    const size_t n = strlen(entry->d_name);
    return n > 5 && entry->d_name[0] != '.' && !strcmp(entry->d_name + n - 5, ".json");
}

struct dated {
    char *path;
    struct timespec at;
};

static int compare_dates(const void *x, const void *y)
{
    const struct dated *a = x, *b = y;
    if (a->at.tv_sec != b->at.tv_sec) {
        return a->at.tv_sec > b->at.tv_sec ? -1 : 1;
    }
    if (a->at.tv_nsec != b->at.tv_nsec) {
        return a->at.tv_nsec > b->at.tv_nsec ? -1 : 1;
    }
    return strcmp(b->path, a->path);
}

void story_list_make(const struct cli *cli, struct story_list *list)
{
    char *folder = cli_home_path(cli, "stories");
    struct dirent **entry = NULL;
    int n = scandir(folder, &entry, is_story_file, NULL);
    n = n > 0 ? n : 0; // -1: no such folder
    struct dated *found = cli_need(calloc((size_t)n + 1, sizeof *found));
    for (int i = 0; i < n; i++) {
        struct stat about;
        found[i].path = cli_format("%s/%s", folder, entry[i]->d_name);
        if (stat(found[i].path, &about) == 0) {
            found[i].at = about.st_mtim;
        }
        free(entry[i]);
    }
    qsort(found, (size_t)n, sizeof *found, compare_dates);
    list->path = cli_need(calloc((size_t)n + 1, sizeof *list->path));
    for (int i = 0; i < n; i++) {
        list->path[i] = found[i].path;
    }
    list->n = n;
    free(found);
    free(entry);
    free(folder);
}

void story_list_release(struct story_list *list)
{
    for (int32_t i = 0; i < list->n; i++) {
        free(list->path[i]);
    }
    free(list->path);
    *list = (struct story_list){0};
}

/** Of the story files that begin so, the only one; its path, to be freed. */
static char *path_beginning(const struct story_list *list, const char *name,
                            struct reel_error *err)
{
    const char *found = NULL;
    char *names = cli_format("%s", "");
    int n_found = 0;
    for (int32_t i = 0; i < list->n; i++) {
        const char *file = strrchr(list->path[i], '/') + 1;
        const size_t n_id = strlen(file) - 5, n = strlen(name);
        if (n <= n_id && !strncmp(file, name, n)) {
            if (n == n_id) { // the whole id
                free(names);
                return cli_format("%s", list->path[i]);
            }
            if (n_found++ < 5) {
                char *longer =
                    cli_format("%s%s%.*s", names, *names ? ", " : "", (int)n_id, file);
                free(names);
                names = longer;
            }
            found = list->path[i];
        }
    }
    if (n_found > 1) {
        cli_error(err, REEL_EAMBIGUOUS, tr("several stories begin with '%s': %s"), name,
                  names);
    } else if (n_found == 0) {
        cli_error(err, REEL_ENOTFOUND,
                  tr("there is no story '%s'; 'forkreel stories' lists them"), name);
    }
    free(names);
    return n_found == 1 ? cli_format("%s", found) : NULL;
}

enum reel_status story_open(const struct cli *cli, const char *name,
                            struct reel_story **out, struct reel_error *err)
{
    *out = NULL;
    if (strchr(name, '/') || access(name, R_OK) == 0) {
        return reel_story_load(name, out, err);
    }
    struct story_list list;
    char *path = NULL;
    story_list_make(cli, &list);
    if (!strcmp(name, "last") && list.n > 0) {
        path = cli_format("%s", list.path[0]);
    } else {
        path = path_beginning(&list, name, err);
    }
    story_list_release(&list);
    const enum reel_status rc = path ? reel_story_load(path, out, err) : err->code;
    free(path);
    return rc;
}

enum reel_status story_node_find(const struct reel_story *story, int32_t i_node,
                                 struct reel_error *err)
{
    return i_node < story->n_nodes
               ? REEL_OK
               : cli_error(err, REEL_ENOTFOUND, tr("%s has nodes 0 to %d, not %d"),
                           story->id, story->n_nodes - 1, i_node);
}

/* ---- the model ---- */

enum reel_status story_model_open(struct cli *cli, const char *word, const char *key_file,
                                  struct reel_lm **out, struct reel_error *err)
{
    *out = NULL;
    if (word && !strcmp(word, "none")) {
        return REEL_OK;
    }
    enum reel_status rc = cli_lm_open(cli, word, key_file, out, err);
    reel_progress_bar_clear(&cli->bar);
    if (rc == REEL_ENOTFOUND && !word && !getenv("FORKREEL_LM")) {
        cli_say(cli, "%s",
                tr("there is no language model on this machine, so the planned sentences "
                   "stand alone; 'forkreel help lm' tells how to get one"));
        rc = REEL_OK;
    }
    return rc;
}

/* ---- words ---- */

const char *story_event_label(const struct cli *cli, const char *event)
{
    int32_t n;
    const struct reel_event_type *types = reel_event_types(&n);
    for (int32_t i = 0; event && i < n; i++) {
        if (!strcmp(types[i].name, event)) {
            return cli->lang[0] == 'z' ? types[i].label_zh : types[i].label_en;
        }
    }
    return event ? event : "";
}

const char *story_provenance_word(enum reel_provenance provenance)
{
    return provenance == REEL_BY_OPENING    ? tr("premise")
           : provenance == REEL_BY_MODEL    ? tr("model")
           : provenance == REEL_BY_TEMPLATE ? tr("plan")
                                            : tr("person");
}

const char *story_ending_word(const char *ending)
{
    return !ending                          ? ""
           : !strcmp(ending, "happy")       ? tr("happy ending")
           : !strcmp(ending, "bittersweet") ? tr("bittersweet ending")
           : !strcmp(ending, "tragic")      ? tr("tragic ending")
                                            : tr("open ending");
}

char *story_percent(double share)
{
    return isnan(share) ? cli_format("-") : cli_format("%.0f %%", 100 * share);
}

/* ---- the tree ---- */

enum {
    COLUMN_SCENE,
    COLUMN_SCORE,
    COLUMN_LIKED,
    COLUMN_PLAN,
    COLUMN_GAIN,
    COLUMN_BY,
    COLUMN_ENDING
};

struct tree {
    const struct cli *cli;
    const struct reel_story *story;
    struct libscols_table *scols;
    struct libscols_line **line; /* (n_nodes) where a node stands first */
    bool *is_best;               /* (n_nodes) */
};

static void tree_cell(struct libscols_line *line, size_t column, char *text)
{
    char *clean = cli_clean(text);
    if (scols_line_refer_data(line, column, clean)) {
        cli_need(NULL);
    }
    free(text);
}

static struct libscols_line *tree_line(struct tree *tree, struct libscols_line *parent,
                                       int32_t i)
{
    const struct reel_story_node *node = &tree->story->node[i];
    struct libscols_line *line = cli_need(scols_table_new_line(tree->scols, parent));
    const char *words = node->choice ? node->choice : tree->story->title;
    if (tree->line[i]) { // the branches meet: it stands elsewhere already
        tree_cell(line, COLUMN_SCENE, cli_format("-> %d", i));
        return line;
    }
    tree->line[i] = line;
    tree_cell(line, COLUMN_SCENE,
              cli_format("%d %s%s", i, words, tree->is_best[i] && i ? " *" : ""));
    tree_cell(line, COLUMN_SCORE,
              i ? cli_format("%.2f", node->score) : cli_format("%s", ""));
    tree_cell(line, COLUMN_LIKED,
              isnan(node->p_like) ? cli_format("%s", "") : story_percent(node->p_like));
    tree_cell(line, COLUMN_PLAN,
              isnan(node->p_plan) ? cli_format("%s", "") : story_percent(node->p_plan));
    tree_cell(line, COLUMN_GAIN,
              isnan(node->gain_per_token) ? cli_format("%s", "")
                                          : cli_format("%+.2f", node->gain_per_token));
    tree_cell(line, COLUMN_BY, cli_format("%s", story_provenance_word(node->provenance)));
    tree_cell(line, COLUMN_ENDING, cli_format("%s", story_ending_word(node->ending)));
    return line;
}

static void tree_hide_empty(struct libscols_table *scols, size_t c)
{
    bool is_empty = true;
    struct libscols_iter *lines = cli_need(scols_new_iter(SCOLS_ITER_FORWARD));
    struct libscols_line *line;
    while (is_empty && scols_table_next_line(scols, lines, &line) == 0) {
        struct libscols_cell *cell = scols_line_get_cell(line, c);
        const char *text = cell ? scols_cell_get_data(cell) : NULL;
        is_empty = !text || !*text;
    }
    scols_free_iter(lines);
    struct libscols_column *column = scols_table_get_column(scols, c);
    if (is_empty) {
        scols_column_set_flags(column, scols_column_get_flags(column) | SCOLS_FL_HIDDEN);
    }
}

/** Depth first, best first, with a stack of our own: a story may be deep. */
static void tree_fill(struct tree *tree)
{
    struct place {
        int32_t node;
        struct libscols_line *parent;
    };
    const int32_t n = tree->story->n_nodes;
    size_t n_stack = 0;
    struct reel_story_links links;
    if (reel_story_links_make(tree->story, &links, NULL) != REEL_OK) {
        cli_need(NULL);
    }
    struct place *stack = cli_need(malloc(((size_t)links.start[n] + 1) * sizeof *stack));
    stack[n_stack++] = (struct place){0, NULL};
    while (n_stack > 0) {
        const struct place at = stack[--n_stack];
        const bool is_first = !tree->line[at.node];
        struct libscols_line *line = tree_line(tree, at.parent, at.node);
        const int32_t begin = links.start[at.node], end = links.start[at.node + 1];
        for (int32_t c = end - 1; is_first && c >= begin; c--) {
            stack[n_stack++] = (struct place){links.child[c], line};
        }
    }
    free(stack);
    reel_story_links_release(&links);
}

void story_print_tree(const struct cli *cli, const struct reel_story *story)
{
    static const struct cli_column columns[] = {
        {"SCENE", CLI_SHRINK}, {"SCORE", CLI_RIGHT}, {"LIKED", CLI_RIGHT},
        {"PLAN", CLI_RIGHT},   {"GAIN", CLI_RIGHT},  {"WORDS BY", CLI_LEFT},
        {"ENDING", CLI_LEFT},
    };
    const size_t n = (size_t)story->n_nodes, n_columns = sizeof columns / sizeof *columns;
    struct tree tree = {.cli = cli,
                        .story = story,
                        .scols = cli_need(scols_new_table()),
                        .line = cli_need(calloc(n, sizeof *tree.line)),
                        .is_best = cli_need(calloc(n, sizeof *tree.is_best))};
    for (size_t c = 0; c < n_columns; c++) {
        const int flags = columns[c].align == CLI_RIGHT ? SCOLS_FL_RIGHT
                          : columns[c].align == CLI_SHRINK
                              ? SCOLS_FL_TREE | SCOLS_FL_TRUNC
                              : 0;
        cli_need(scols_table_new_column(tree.scols, tr(columns[c].name), 0, flags));
    }
    scols_table_set_column_separator(tree.scols, "  ");
    scols_table_enable_noencoding(tree.scols, 1); // it is clean already
    int32_t *path = cli_need(malloc(n * sizeof *path));
    const int32_t n_path = reel_story_best_path(story, path, (int32_t)n);
    for (int32_t i = 0; i < n_path; i++) {
        tree.is_best[path[i]] = true;
    }
    tree_fill(&tree);
    for (size_t c = 1; c < n_columns; c++) {
        tree_hide_empty(tree.scols, c);
    }
    scols_print_table(tree.scols);
    free(path);
    free(tree.line);
    free(tree.is_best);
    scols_unref_table(tree.scols);
}

/* ---- why ---- */

static void print_row(int width, const char *label, const char *format, ...)
    REEL_PRINTF(3, 4);
static void print_row(int width, const char *label, const char *format, ...)
{
    char *clean = cli_clean(label);
    va_list args;
    printf("  %s%*s  ", clean, width - cli_width(clean), "");
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
    free(clean);
}

/** The parts in percent, rounded together so that they add up as printed; gives their sum. */
static double print_parts(int width, const struct reel_story_node *node)
{
    struct reel_reason *part = cli_need(calloc((size_t)node->n_parts + 1, sizeof *part));
    double sum = 0;
    for (int32_t p = 0; p < node->n_parts; p++) {
        part[p].amount = 100 * node->part[p].value;
        sum += part[p].amount;
    }
    // A story that somebody else wrote may have parts that are not all of it.
    const bool is_whole = fabs(sum - 100 * node->p_like) < 0.1;
    sum = reel_reasons_round(part, node->n_parts, is_whole ? 100 * node->p_like : sum, 1);
    for (int32_t p = 0; p < node->n_parts; p++) {
        print_row(width, node->part[p].name, "%+7.1f %%", part[p].amount);
    }
    free(part);
    return is_whole ? sum : 100 * node->p_like;
}

void story_print_why(const struct cli *cli, const struct reel_story_node *node)
{
    const char *const sum = tr("how much you would like it"),
                      *const plan = tr("how well it follows the plot"),
                      *const gain = tr("how much the story makes it likelier, per token"),
                      *const by = tr("written by");
    const char *const labels[] = {sum, plan, gain, by};
    int width = 0;
    (void)cli;
    for (size_t i = 0; i < sizeof labels / sizeof *labels; i++) {
        width = cli_width(labels[i]) > width ? cli_width(labels[i]) : width;
    }
    for (int32_t p = 0; p < node->n_parts; p++) {
        const int wide = cli_width(node->part[p].name);
        width = wide > width ? wide : width;
    }
    const double p_like = print_parts(width, node);
    if (!isnan(node->p_like)) {
        print_row(width, sum, "%7.1f %%", p_like);
    }
    if (!isnan(node->p_plan)) {
        print_row(width, plan, "%7.1f %%", 100 * node->p_plan);
    }
    if (!isnan(node->gain_per_token)) {
        print_row(width, gain, "%+7.2f", node->gain_per_token);
    }
    print_row(width, by, "%s", story_provenance_word(node->provenance));
}

/* ---- JSON ---- */

json_t *story_json(const struct reel_story *story)
{
    char *text = NULL;
    size_t n;
    FILE *out = cli_need(open_memstream(&text, &n));
    struct reel_error err;
    const enum reel_status rc = reel_story_write(story, "json", out, &err);
    fclose(out);
    json_t *root = rc ? NULL : json_loads(text, 0, NULL);
    free(text);
    return cli_need(root);
}

json_t *story_node_json(const struct reel_story *story, int32_t i_node)
{
    json_t *root = story_json(story);
    json_t *node = json_array_get(json_object_get(root, "nodes"), (size_t)i_node);
    json_incref(node);
    json_decref(root);
    return cli_need(node);
}
