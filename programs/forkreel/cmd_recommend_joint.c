/** `forkreel recommend --with-branches`: films and the branches of stories in one list. */
#include "cmd_recommend.h"

#include "cli_feedback.h"
#include "cli_story.h"
#include "cli_taste.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N_FILMS = 200, N_DECIMALS = 3 };

/** What is less likely to be told is not asked about: a tree has most of its nodes there. */
#define P_PLOT_MIN 1e-4

/** A scene of a story that lies in the home. */
struct branch {
    char *story, *title, *choice;
    int32_t node, depth;
};

/** Scores branches of one language for the viewer. */
struct judge {
    struct session session; /* of its own: the history of the viewer alone */
    struct reel_branch_taste *taste;
    struct player player;
    struct player_scorer played;
    struct said_scorer said;
    bool is_open;
};

struct joint {
    const struct joint_query *q;
    struct reel_joint_candidate *candidate; /* (n) films first, then branches */
    struct branch *branch;                  /* (n_branches) */
    int32_t n, n_branches, n_room;
    float *p_like;         /* (films) */
    struct judge judge[2]; /* en, zh */
};

/* ---- what may be listed ---- */

static void add_candidate(struct joint *j, struct reel_joint_candidate candidate)
{
    if (j->n == j->n_room) {
        j->n_room = j->n_room ? 2 * j->n_room : 256;
        j->candidate =
            cli_need(realloc(j->candidate, (size_t)j->n_room * sizeof *j->candidate));
    }
    candidate.p_like = fmin(1 - 1e-6, fmax(1e-6, candidate.p_like));
    candidate.p_plot = fmin(1, fmax(1e-6, candidate.p_plot));
    j->candidate[j->n++] = candidate;
}

/** P(like) of every film: by the taste that was trained, else by shares. */
static enum reel_status like_films(struct joint *j, struct reel_error *err)
{
    struct session *s = j->q->s;
    struct taste_reader *reader = NULL;
    const int32_t row =
        session_index_of(s->history.viewer_key, s->history.n_viewers, j->q->key);
    enum reel_status rc = reel_joint_like(&s->history.seen, &s->chosen.chosen, s->mark,
                                          row, j->p_like, err);
    rc = rc || row < 0 ? rc : taste_reader_open(s, j->q->key, &reader, err);
    for (int32_t f = 0; reader && f < s->films->n_films; f++) {
        struct reel_opinion opinion;
        struct reel_error other;
        if (taste_reader_film(reader, s->films->key[f], &opinion, &other) == REEL_OK) {
            j->p_like[f] = opinion.p_like;
        }
    }
    taste_reader_close(reader);
    return rc;
}

/** The best films that are left after seen ones and filters. */
static enum reel_status add_films(struct joint *j, struct reel_error *err)
{
    const struct joint_query *q = j->q;
    struct reel_list list;
    struct reel_list_options opt = *q->list;
    opt.n = N_FILMS;
    opt.diversity = 0;
    opt.with_reasons = false;
    enum reel_status rc =
        q->welcome
            ? reel_list_make_newcomer(q->welcome, q->viewer->answer, q->viewer->n_answers,
                                      q->s->films, &q->viewer->state, &opt, &list, err)
            : reel_list_make(q->model, q->s->films, &q->viewer->state, &opt, &list, err);
    for (int32_t i = 0; rc == REEL_OK && i < list.n; i++) {
        const int32_t film = list.item[i].film;
        add_candidate(j,
                      (struct reel_joint_candidate){.film = film,
                                                    .branch = -1,
                                                    .p_plot = 1,
                                                    .p_like = (double)j->p_like[film]});
    }
    if (rc == REEL_OK) {
        reel_list_release(&list);
    }
    return rc;
}

/** The scorer that `fork` would use for this viewer, made when first asked for. */
static enum reel_status judge_open(struct joint *j, const char *language,
                                   struct judge **out, struct reel_error *err)
{
    struct judge *judge = *out = &j->judge[language[0] == 'z'];
    const struct joint_query *q = j->q;
    if (judge->is_open) {
        return REEL_OK;
    }
    judge->is_open = true;
    enum reel_status rc = session_open(q->s->cli, &judge->session, 0, err);
    rc = rc ? rc
            : session_branch_taste(&judge->session, q->key, language, &judge->taste, err);
    rc = rc ? rc
            : player_open(q->s->cli, judge->session.store, q->name, NULL, &judge->player,
                          err);
    judge->played =
        (struct player_scorer){.player = &judge->player,
                               .inner = reel_branch_taste_scorer(judge->taste),
                               .lang = q->s->cli->lang};
    judge->said = (struct said_scorer){.inner = player_branch_scorer(&judge->played),
                                       .edits = &q->beside->edits};
    return rc;
}

static void judge_close(struct judge *judge)
{
    if (judge->is_open) {
        player_close(&judge->player);
        reel_branch_taste_free(judge->taste);
        session_close(&judge->session);
    }
}

static const struct reel_event_type *type_of(const char *event)
{
    int32_t n;
    const struct reel_event_type *type = reel_event_types(&n);
    for (int32_t t = 0; event && t < n; t++) {
        if (!strcmp(type[t].name, event)) {
            return &type[t];
        }
    }
    return NULL;
}

static enum reel_status add_branch(struct joint *j, const struct reel_story *story,
                                   int32_t node, double p_plot, struct reel_error *err)
{
    const struct reel_story_node *n = &story->node[node];
    const struct reel_event_type *type = type_of(n->event);
    const struct reel_branch branch = {.text = n->text,
                                       .choice = n->choice,
                                       .event = n->event,
                                       .genre = story->genre,
                                       .event_genres = type ? type->genres : NULL,
                                       .intensity = type ? type->intensity : 0,
                                       .language = story->language};
    struct reel_branch_score score = {.p_like = 0.5};
    struct judge *judge;
    enum reel_status rc = judge_open(j, story->language, &judge, err);
    if (rc == REEL_OK) {
        const struct reel_branch_scorer scorer = said_branch_scorer(&judge->said);
        judge->played.tone = story->tone;
        rc = scorer.score(&branch, 1, &score, scorer.payload, err);
    }
    if (rc) {
        return rc;
    }
    const struct reel_film_table *films = j->q->s->films;
    if ((j->n_branches & (j->n_branches - 1)) == 0) { // room for twice as many
        j->branch = cli_need(
            realloc(j->branch, (2 * (size_t)j->n_branches + 1) * sizeof *j->branch));
    }
    j->branch[j->n_branches] = (struct branch){.story = cli_format("%s", story->id),
                                               .title = cli_format("%s", story->title),
                                               .choice = cli_format("%s", n->choice),
                                               .node = node,
                                               .depth = n->depth};
    add_candidate(
        j, (struct reel_joint_candidate){
               .film = session_index_of(films->key, films->n_films, story->film_key),
               .branch = j->n_branches++,
               .p_plot = p_plot,
               .p_like = score.p_like});
    return REEL_OK;
}

/** Every scene behind the opening, with the probability of the way to it. */
static enum reel_status add_story(struct joint *j, const struct reel_story *story,
                                  struct reel_error *err)
{
    struct reel_story_links links;
    enum reel_status rc = reel_story_links_make(story, &links, err);
    if (rc) {
        return rc;
    }
    double *p = cli_need(malloc((size_t)story->n_nodes * sizeof *p));
    reel_story_probabilities(story, &links, p);
    for (int32_t i = 1; i < story->n_nodes && rc == REEL_OK; i++) {
        rc = p[i] < P_PLOT_MIN ? REEL_OK : add_branch(j, story, i, p[i], err);
    }
    free(p);
    reel_story_links_release(&links);
    return rc;
}

static enum reel_status add_stories(struct joint *j, struct reel_error *err)
{
    struct story_list list;
    enum reel_status rc = REEL_OK;
    story_list_make(j->q->s->cli, &list);
    for (int32_t i = 0; i < list.n && rc == REEL_OK; i++) {
        struct reel_story *story;
        if (reel_story_load(list.path[i], &story, err)) { // the others are listed
            cli_say(j->q->s->cli, "%s", err->text);
            continue;
        }
        rc = add_story(j, story, err);
        reel_story_free(story);
    }
    story_list_release(&list);
    return rc;
}

/* ---- showing ---- */

/** The three logs and their sum, rounded so that they add up. */
static double round_terms(struct reel_joint_item *item)
{
    struct reel_reason term[] = {
        {.amount = item->film}, {.amount = item->plot}, {.amount = item->taste}};
    const double sum = reel_reasons_round(term, 3, item->sum, N_DECIMALS);
    item->film = term[0].amount;
    item->plot = term[1].amount;
    item->taste = term[2].amount;
    return sum;
}

static void print_joint(const struct joint *j, struct reel_joint_item *item, int32_t n)
{
    static const struct cli_column columns[] = {
        {"RANK", CLI_RIGHT},     {"TITLE", CLI_SHRINK},   {"BRANCH", CLI_SHRINK},
        {"LOG FILM", CLI_RIGHT}, {"LOG PLOT", CLI_RIGHT}, {"LOG TASTE", CLI_RIGHT},
        {"SUM", CLI_RIGHT}};
    struct cli_table table;
    cli_table_init(&table, columns, sizeof columns / sizeof *columns);
    for (int32_t i = 0; i < n; i++) {
        assert(j->candidate);
        const struct reel_joint_candidate *c = &j->candidate[item[i].candidate];
        const struct branch *branch = c->branch < 0 ? NULL : &j->branch[c->branch];
        const double sum = round_terms(&item[i]);
        cli_table_line(&table);
        cli_table_cell(&table, "%d", i + 1);
        cli_table_text(&table, branch ? branch->title : session_title(j->q->s, c->film));
        cli_table_text(&table, branch ? branch->choice : NULL);
        cli_table_cell(&table, "%.*f", N_DECIMALS, item[i].film);
        cli_table_cell(&table, "%.*f", N_DECIMALS, item[i].plot);
        cli_table_cell(&table, "%.*f", N_DECIMALS, item[i].taste);
        cli_table_cell(&table, "%.*f", N_DECIMALS, sum);
    }
    cli_table_show(&table);
    cli_table_release(&table);
}

static json_t *joint_json(const struct joint *j, struct reel_joint_item *item, int32_t n)
{
    const struct joint_query *q = j->q;
    json_t *rows = cli_need(json_array());
    for (int32_t i = 0; i < n; i++) {
        assert(j->candidate);
        const struct reel_joint_candidate *c = &j->candidate[item[i].candidate];
        const double sum = round_terms(&item[i]);
        json_t *row = json_pack(
            "{s:i, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "rank", (int)i + 1, "kind",
            c->branch < 0 ? "film" : "branch", "film",
            c->film < 0 ? json_null() : list_film_json(q->s, c->film), "p_plot",
            cli_json_real(c->p_plot), "p_like", cli_json_real(c->p_like), "log_film",
            cli_json_real(item[i].film), "log_plot", cli_json_real(item[i].plot),
            "log_taste", cli_json_real(item[i].taste), "sum", cli_json_real(sum));
        if (c->branch >= 0) {
            assert(j->branch);
            const struct branch *branch = &j->branch[c->branch];
            json_object_set_new(row, "story", cli_json_text(branch->story));
            json_object_set_new(row, "title", cli_json_text(branch->title));
            json_object_set_new(row, "choice", cli_json_text(branch->choice));
            json_object_set_new(row, "node", json_integer(branch->node));
            json_object_set_new(row, "depth", json_integer(branch->depth));
        }
        json_array_append_new(rows, row);
    }
    return json_pack("{s:o, s:{s:o, s:o, s:o}, s:o}", "viewer", cli_json_text(q->name),
                     "weights", "film", cli_json_real(q->weights.film), "plot",
                     cli_json_real(q->weights.plot), "taste",
                     cli_json_real(q->weights.taste), "rows", rows);
}

/** Films as they are have no plot against them: where no branch is listed, say where one is. */
static void tell_branches(const struct joint *j, const struct reel_joint_item *item,
                          int32_t n_all, int32_t n)
{
    struct cli *cli = j->q->s->cli;
    if (j->n_branches == 0) {
        cli_say(cli, "%s", tr("there is no story yet; 'forkreel fork FILM' grows one"));
    }
    for (int32_t i = 0; i < n_all; i++) {
        assert(j->candidate);
        const struct reel_joint_candidate *c = &j->candidate[item[i].candidate];
        if (c->branch >= 0) {
            if (i >= n) {
                cli_say(cli, tr("the first branch stands at %d: %s: %s"), i + 1,
                        j->branch[c->branch].title, j->branch[c->branch].choice);
            }
            return;
        }
    }
}

static enum cli_exit show(const struct joint *j, struct reel_joint_item *item,
                          int32_t n_all)
{
    struct cli *cli = j->q->s->cli;
    const int32_t n = n_all < j->q->list->n ? n_all : j->q->list->n;
    tell_branches(j, item, n_all, n);
    if (cli->is_json) {
        return cli_json_show(joint_json(j, item, n));
    }
    if (n == 0) {
        cli_say(cli, "%s", tr("no film is left that fits"));
    } else {
        print_joint(j, item, n);
    }
    return CLI_DONE;
}

/* ---- the list ---- */

enum cli_exit recommend_joint(const struct joint_query *q)
{
    const struct session *s = q->s;
    struct reel_error err;
    struct joint j = {.q = q};
    double unit = 1;
    int32_t n_items = 0;
    const size_t n_films = (size_t)s->films->n_films;
    float *score = cli_need(malloc((n_films + 1) * sizeof *score));
    struct reel_joint_item *item = NULL;
    j.p_like = cli_need(malloc((n_films + 1) * sizeof *j.p_like));
    enum reel_status rc = like_films(&j, &err);
    rc = rc ? rc
            : reel_scores_make(q->model, q->welcome, q->viewer->answer,
                               q->viewer->n_answers, s->films, &q->viewer->state, q->list,
                               score, &unit, &err);
    rc = rc ? rc : add_films(&j, &err);
    rc = rc ? rc : add_stories(&j, &err);
    item = cli_need(malloc(((size_t)j.n + 1) * sizeof *item));
    rc = rc ? rc
            : reel_joint_rank(j.candidate, j.n, score, s->films->n_films, unit,
                              &q->weights, j.n, item, &n_items, &err);
    const enum cli_exit status = rc ? cli_fail(s->cli, &err) : show(&j, item, n_items);
    for (int32_t b = 0; b < j.n_branches; b++) {
        free(j.branch[b].story);
        free(j.branch[b].title);
        free(j.branch[b].choice);
    }
    judge_close(&j.judge[0]);
    judge_close(&j.judge[1]);
    free(j.branch);
    free(j.candidate);
    free(j.p_like);
    free(item);
    free(score);
    return status;
}
