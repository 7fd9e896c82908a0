#include "cli_feedback.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { N_SHOWN_MAX = 64 };
#define STATE_NAME "bandit"
/** Logits for a whole choice more than expected. */
#define GAIN_CHOICES 2.0

// ---- events ----

double feedback_liked(enum reel_event_kind kind, double value)
{
    switch (kind) {
    case REEL_EVENT_RATE:
        return value >= SESSION_MIN_STARS ? 1 : value >= 3 ? 0.5 : 0;
    case REEL_EVENT_WATCH: // who watched to the end liked it well enough
        return isnan(value) || value >= 0.9 ? 0.7 : value >= 0.3 ? 0.4 : 0.1;
    case REEL_EVENT_LIKE:
    case REEL_EVENT_REPLAY:
        return 1;
    case REEL_EVENT_DISLIKE:
    case REEL_EVENT_SKIP:
        return 0;
    default:
        return NAN;
    }
}

void feedback_context_arg(struct argp_state *state, const char *arg,
                          struct reel_context *context)
{
    struct reel_error err;
    if (reel_context_parse(arg, context, &err)) {
        argp_error(state, "--context: %s", err.text);
    }
}

// ---- what situations add ----

struct gathering {
    const struct session *s;
    struct reel_context_event *event;
    int64_t *viewer;
    int32_t n, room;
};

static void gathering_add(struct gathering *g, int64_t viewer,
                          struct reel_context_event event)
{
    if (g->n == g->room) {
        g->room = g->room ? 2 * g->room : 256;
        g->event = cli_need(realloc(g->event, (size_t)g->room * sizeof *g->event));
        g->viewer = cli_need(realloc(g->viewer, (size_t)g->room * sizeof *g->viewer));
    }
    g->viewer[g->n] = viewer;
    g->event[g->n++] = event;
}

static enum reel_status gather(const struct reel_situation *situation, void *payload,
                               struct reel_error *err)
{
    struct gathering *g = payload;
    const double liked = feedback_liked(situation->kind, situation->value);
    const int32_t film =
        session_index_of(g->s->films->key, g->s->films->n_films, situation->film);
    struct reel_context context = reel_context_unknown();
    // Words of a later version tell this one nothing; the event is left out.
    if (isnan(liked) || film < 0 ||
        reel_context_parse(situation->context, &context, err)) {
        return REEL_OK;
    }
    if (situation->at_s != REEL_TIME_UNKNOWN) {
        const struct reel_context clock = reel_context_at(situation->at_s);
        context = reel_context_or(&context, &clock);
    }
    gathering_add(g, situation->viewer,
                  (struct reel_context_event){
                      .context = context, .film = film, .liked = (float)liked});
    return REEL_OK;
}

/** The viewer's mean over their other events, damped by everybody's: events are by viewer. */
static void expect(struct gathering *g)
{
    static const double damp = 5;
    double all = 0;
    for (int32_t i = 0; i < g->n; i++) {
        all += (double)g->event[i].liked / g->n;
    }
    for (int32_t begin = 0, end = 0; begin < g->n; begin = end) {
        double sum = 0;
        for (; end < g->n && g->viewer[end] == g->viewer[begin]; end++) {
            sum += (double)g->event[end].liked;
        }
        for (int32_t i = begin; i < end; i++) {
            g->event[i].expected =
                (float)((sum - (double)g->event[i].liked + damp * all) /
                        (end - begin - 1 + damp));
        }
    }
}

enum reel_status feedback_context_fit(struct session *s,
                                      struct reel_context_model **model,
                                      struct reel_error *err)
{
    struct gathering g = {.s = s};
    *model = NULL;
    enum reel_status rc = reel_store_situations_each(s->store, 0, gather, &g, err);
    if (rc == REEL_OK && g.n > 0) {
        expect(&g);
        rc = reel_context_model_fit(g.event, g.n, &s->films->genres, model, err);
    }
    free(g.event);
    free(g.viewer);
    return rc;
}

// ---- lists ----

enum reel_status feedback_list_log(struct session *s, const char *viewer,
                                   const char *policy, const int64_t *film_key,
                                   const double *propensity, int32_t n,
                                   const struct reel_context *context,
                                   struct reel_error *err)
{
    char words[REEL_CONTEXT_TEXT_BYTES] = "";
    if (n < 1) {
        return REEL_OK;
    }
    if (context) {
        reel_context_print(context, words);
    }
    struct reel_shown_item *item = cli_need(malloc((size_t)n * sizeof *item));
    for (int32_t i = 0; i < n; i++) {
        item[i] =
            (struct reel_shown_item){film_key[i], propensity ? propensity[i] : 1, NULL};
    }
    const struct reel_shown shown = {.viewer = viewer,
                                     .kind = REEL_SHOWN_FILMS,
                                     .policy = policy,
                                     .context = *words ? words : NULL,
                                     .at_s = (int64_t)time(NULL),
                                     .item = item,
                                     .n_items = n};
    const enum reel_status rc = reel_store_shown_add(s->store, &shown, NULL, err);
    free(item);
    return rc == REEL_EBUSY || rc == REEL_EINVAL ? REEL_OK : rc;
}

// ---- players ----

static int32_t type_of(const struct reel_event_type *type, int32_t n_types,
                       const char *event)
{
    for (int32_t t = 0; event && t < n_types; t++) {
        if (!strcmp(type[t].name, event)) {
            return t;
        }
    }
    return -1;
}

static enum reel_status count_choice(const struct reel_choice *choice, void *payload,
                                     struct reel_error *err)
{
    struct player *player = payload;
    const int32_t t = type_of(player->type, player->n_types, choice->to);
    (void)err;
    if (t >= 0) {
        player->n_chosen[t]++;
    }
    return REEL_OK;
}

static enum reel_status bandit_open(struct player *player,
                                    const struct reel_bandit_options *opt,
                                    struct reel_error *err)
{
    unsigned char *bytes;
    size_t n_bytes;
    enum reel_status rc = reel_store_state_get(player->store, player->viewer, STATE_NAME,
                                               &bytes, &n_bytes, err);
    if (rc == REEL_OK && bytes) {
        const enum reel_status read =
            reel_bandit_load(bytes, n_bytes, &player->bandit, err);
        if (read == REEL_EFORMAT || read == REEL_EVERSION) {
            cli_say(player->cli, "%s", err->text);
        } else {
            rc = read;
        }
    }
    reel_store_bytes_free(bytes);
    if (player->bandit && reel_bandit_n_dims(player->bandit) != REEL_ARM_DIMS) {
        reel_bandit_free(
            player->bandit); // other features: what it knew means nothing now
        player->bandit = NULL;
    }
    if (rc == REEL_OK && player->bandit) {
        return reel_bandit_tune(player->bandit, opt, err);
    }
    return rc ? rc : reel_bandit_create(REEL_ARM_DIMS, opt, &player->bandit, err);
}

enum reel_status player_open(struct cli *cli, struct reel_store *store,
                             const char *viewer, const struct reel_bandit_options *opt,
                             struct player *out, struct reel_error *err)
{
    const struct reel_bandit_options standard = reel_bandit_options_default();
    *out = (struct player){.cli = cli, .store = store, .viewer = viewer};
    out->type = reel_event_types(&out->n_types);
    out->n_chosen = cli_need(calloc((size_t)out->n_types + 1, sizeof *out->n_chosen));
    enum reel_status rc = reel_store_choices_each(store, viewer, count_choice, out, err);
    rc = rc ? rc : bandit_open(out, opt ? opt : &standard, err);
    if (rc) {
        player_close(out);
    }
    return rc;
}

void player_close(struct player *player)
{
    reel_bandit_free(player->bandit);
    free(player->n_chosen);
    free(player->situation);
    *player = (struct player){0};
}

char *player_policy(const struct player *player)
{
    const struct reel_bandit_options opt = reel_bandit_options(player->bandit);
    return cli_format("bandit %s e=%.2f",
                      opt.policy == REEL_BANDIT_LINUCB ? "linucb" : "thompson",
                      opt.exploration);
}

void branch_arm(const char *event, const char *tone, double novelty,
                float x[REEL_ARM_DIMS])
{
    int32_t n_types;
    const struct reel_event_type *type = reel_event_types(&n_types);
    const int32_t t = type_of(type, n_types, event);
    const struct reel_arm arm = {.event = event,
                                 .tone = tone,
                                 .genres = t < 0 ? NULL : type[t].genres,
                                 .intensity = t < 0 ? 0.5 : type[t].intensity,
                                 .novelty = novelty};
    reel_arm_features(&arm, x);
}

void player_arm(const struct player *player, const char *event, const char *tone,
                float x[REEL_ARM_DIMS], double *novelty)
{
    const int32_t t = type_of(player->type, player->n_types, event);
    *novelty = t < 0 ? 1 : 1.0 / (1 + player->n_chosen[t]);
    branch_arm(event, tone, *novelty, x);
}

// ---- branches in situations ----

/** Choices of everybody whose situation is known, as events of the context model. */
struct chosen_in_context {
    struct gathering g;
    const struct player *player;
};

static enum reel_status gather_choice(const struct reel_shown *shown, void *payload,
                                      struct reel_error *err)
{
    struct chosen_in_context *c = payload;
    struct reel_context context = reel_context_unknown();
    if (isnan(shown->reward) || !shown->context ||
        reel_context_parse(shown->context, &context, err)) {
        return REEL_OK;
    }
    const struct reel_context clock = reel_context_at(shown->at_s);
    context = reel_context_or(&context, &clock);
    for (int32_t i = 0; i < shown->n_items; i++) {
        struct sibling_line line;
        if (!sibling_line_read(shown->item[i].about, &line)) {
            continue;
        }
        const int32_t t = type_of(c->player->type, c->player->n_types, line.event);
        if (t >= 0) {
            gathering_add(&c->g, 0,
                          (struct reel_context_event){.context = context,
                                                      .film = t,
                                                      .expected = (float)line.prior,
                                                      .liked = shown->item[i].item ==
                                                               shown->taken});
        }
    }
    return REEL_OK;
}

/** Rows: types of events; columns: each genre that an event suits, then each event. */
struct type_features {
    struct reel_csr csr;
    int64_t *start;
    int32_t *col;
};

static void type_features_make(const struct player *player, struct type_features *out)
{
    struct cli_names genres = {0};
    const int32_t n = player->n_types;
    out->start = cli_need(calloc((size_t)n + 1, sizeof *out->start));
    out->col = NULL;
    for (int32_t t = 0; t < n; t++) {
        cli_names_add(&genres, player->type[t].genres ? player->type[t].genres : "");
    }
    int32_t n_genres = 0; // each name once, in place
    for (int32_t i = 0; i < genres.n; i++) {
        int32_t j = 0;
        while (j < n_genres && strcmp(genres.name[j], genres.name[i])) {
            j++;
        }
        if (j == n_genres) {
            char *name = genres.name[n_genres];
            genres.name[n_genres++] = genres.name[i];
            genres.name[i] = name;
        }
    }
    int64_t n_entries = 0;
    out->col =
        cli_need(malloc(((size_t)n * ((size_t)n_genres + 1) + 1) * sizeof *out->col));
    for (int32_t t = 0; t < n; t++) {
        struct cli_names own = {0};
        cli_names_add(&own, player->type[t].genres ? player->type[t].genres : "");
        for (int32_t g = 0; g < n_genres; g++) {
            bool has = false;
            for (int32_t i = 0; i < own.n; i++) {
                has = has || !strcmp(own.name[i], genres.name[g]);
            }
            if (has) {
                out->col[n_entries++] = g;
            }
        }
        cli_names_release(&own);
        out->col[n_entries++] = n_genres + t;
        out->start[t + 1] = n_entries;
    }
    cli_names_release(&genres);
    out->csr = (struct reel_csr){n, n_genres + n, out->start, out->col, NULL};
}

enum reel_status player_situation(struct player *player,
                                  const struct reel_context *context,
                                  struct reel_error *err)
{
    struct chosen_in_context c = {.player = player};
    struct reel_context_model *model = NULL;
    const struct reel_context clock = reel_context_at((int64_t)time(NULL));
    const struct reel_context now = reel_context_or(context, &clock);
    enum reel_status rc = reel_store_shown_each(player->store, NULL, REEL_SHOWN_BRANCHES,
                                                gather_choice, &c, err);
    if (rc == REEL_OK && c.g.n > 0) {
        struct type_features features;
        type_features_make(player, &features);
        player->situation =
            cli_need(calloc((size_t)player->n_types + 1, sizeof *player->situation));
        rc = reel_context_model_fit(c.g.event, c.g.n, &features.csr, &model, err);
        rc = rc ? rc
                : reel_context_model_score(model, &now, &features.csr, player->situation,
                                           err);
        reel_context_model_free(model);
        free(features.start);
        free(features.col);
    }
    free(c.g.event);
    free(c.g.viewer);
    return rc;
}

// ---- siblings ----

char *sibling_line_make(const char *event, const char *tone, double prior, double novelty)
{
    return cli_format("%s %s %.6f %.6f", event && *event ? event : "-",
                      tone && *tone ? tone : "-", prior, novelty);
}

/** A number after one blank; false when there is none. */
static bool read_number(const char **text, double *number)
{
    char *end = NULL;
    const char *begin = *text;
    *number = *begin == ' ' ? strtod(begin + 1, &end) : NAN;
    *text = end ? end : begin;
    return end && end > begin + 1;
}

bool sibling_line_read(const char *text, struct sibling_line *out)
{
    int n_read = 0;
    if (!text || sscanf(text, "%63s %15s%n", out->event, out->tone, &n_read) != 2) {
        return false;
    }
    text += n_read;
    return read_number(&text, &out->prior) && read_number(&text, &out->novelty) &&
           out->prior >= 0 && out->prior <= 1 && out->novelty >= 0 && out->novelty <= 1;
}

/** The same siblings of the same story are shuffled anew as soon as something was learned. */
static uint64_t seed_of(const struct player *player, const struct reel_story *story,
                        int32_t node)
{
    uint64_t h = 14695981039346656037u; // FNV-1a
    for (const char *at = story->id; *at; at++) {
        h = (h ^ (unsigned char)*at) * 1099511628211u;
    }
    h = (h ^ (uint64_t)node) * 1099511628211u;
    return (h ^ (uint64_t)reel_bandit_n_learned(player->bandit)) * 1099511628211u;
}

double player_situation_of(const struct player *player, const char *event)
{
    const int32_t t = type_of(player->type, player->n_types, event);
    return t < 0 || !player->situation ? 0 : (double)player->situation[t];
}

/** Share of each in what the viewer would like, or the same for all; then the situation. */
static void priors_fill(const struct player *player, const struct reel_story *story,
                        struct siblings *s)
{
    double sum = 0, all = 0;
    bool is_known = true;
    for (int32_t i = 0; i < s->n; i++) {
        const double p = story->node[s->node[i]].p_like;
        is_known = is_known && p >= 0;
        sum += p;
    }
    for (int32_t i = 0; i < s->n; i++) {
        const struct reel_story_node *node = &story->node[s->node[i]];
        s->share[i] = is_known && sum > 0 ? node->p_like / sum : 1.0 / s->n;
        s->prior[i] = s->share[i] * exp(player_situation_of(player, node->event));
        all += s->prior[i];
    }
    for (int32_t i = 0; i < s->n; i++) {
        s->prior[i] /= all > 0 ? all : 1;
    }
}

static void permute(struct siblings *s, const int32_t *order)
{
    const struct siblings old = *s;
    const size_t n = (size_t)s->n;
    s->node = cli_need(malloc((n + 1) * sizeof *s->node));
    s->share = cli_need(malloc((n + 1) * sizeof *s->share));
    s->prior = cli_need(malloc((n + 1) * sizeof *s->prior));
    s->novelty = cli_need(malloc((n + 1) * sizeof *s->novelty));
    s->propensity = cli_need(malloc((n + 1) * sizeof *s->propensity));
    s->x = cli_need(malloc((n * REEL_ARM_DIMS + 1) * sizeof *s->x));
    for (size_t i = 0; i < n; i++) {
        const size_t from = (size_t)order[i];
        s->node[i] = old.node[from];
        s->share[i] = old.share[from];
        s->prior[i] = old.prior[from];
        s->novelty[i] = old.novelty[from];
        s->propensity[i] = old.propensity[from];
        memcpy(s->x + i * REEL_ARM_DIMS, old.x + from * REEL_ARM_DIMS,
               REEL_ARM_DIMS * sizeof *s->x);
    }
    free(old.node);
    free(old.share);
    free(old.prior);
    free(old.novelty);
    free(old.propensity);
    free(old.x);
}

static void siblings_log(struct player *player, const struct reel_story *story,
                         int32_t node, const char *policy, const char *context,
                         struct siblings *s)
{
    struct reel_error err;
    struct reel_shown_item *item = cli_need(calloc((size_t)s->n, sizeof *item));
    for (int32_t i = 0; i < s->n; i++) {
        const char *event = story->node[s->node[i]].event;
        item[i] = (struct reel_shown_item){
            s->node[i], s->propensity[i],
            sibling_line_make(event, story->tone, s->share[i], s->novelty[i])};
    }
    const struct reel_shown shown = {.viewer = player->viewer,
                                     .kind = REEL_SHOWN_BRANCHES,
                                     .policy = policy,
                                     .story = story->id,
                                     .node = node,
                                     .context = context && *context ? context : NULL,
                                     .at_s = (int64_t)time(NULL),
                                     .item = item,
                                     .n_items = s->n};
    if (reel_store_shown_add(player->store, &shown, &s->shown, &err)) {
        s->shown = 0; // the story goes on; what cannot be kept is told with the choice
    }
    for (int32_t i = 0; i < s->n; i++) {
        free((char *)item[i].about);
    }
    free(item);
}

void siblings_make(struct player *player, const struct reel_story *story, int32_t node,
                   bool by_bandit, const char *context, struct siblings *out)
{
    struct reel_error err;
    const int32_t n = reel_story_children(story, node, NULL, 0);
    const size_t n_room = (size_t)n + 1;
    *out = (struct siblings){
        .n = n,
        .node = cli_need(malloc(n_room * sizeof *out->node)),
        .share = cli_need(calloc(n_room, sizeof *out->share)),
        .prior = cli_need(malloc(n_room * sizeof *out->prior)),
        .novelty = cli_need(malloc(n_room * sizeof *out->novelty)),
        .propensity = cli_need(calloc(n_room, sizeof *out->propensity)),
        .x = cli_need(malloc(n_room * REEL_ARM_DIMS * sizeof *out->x)),
    };
    (void)reel_story_children(story, node, out->node, n);
    if (n == 0) {
        return;
    }
    out->propensity[0] = 1;
    if (!player) {
        return;
    }
    priors_fill(player, story, out);
    for (int32_t i = 0; i < n; i++) {
        player_arm(player, story->node[out->node[i]].event, story->tone,
                   out->x + (size_t)i * REEL_ARM_DIMS, &out->novelty[i]);
    }
    char *policy = by_bandit ? player_policy(player) : cli_format("%s", "score");
    int32_t *order = cli_need(malloc(n_room * sizeof *order));
    if (by_bandit && reel_bandit_rank(player->bandit, out->x, out->prior, n,
                                      seed_of(player, story, node), order,
                                      out->propensity, &err) == REEL_OK) {
        permute(out, order);
    }
    free(order);
    if (n > 1) { // a single way is no decision
        siblings_log(player, story, node, policy, context, out);
    }
    free(policy);
}

void siblings_release(struct siblings *siblings)
{
    free(siblings->node);
    free(siblings->share);
    free(siblings->prior);
    free(siblings->novelty);
    free(siblings->propensity);
    free(siblings->x);
    *siblings = (struct siblings){0};
}

// ---- choosing ----

static const char *event_of(const struct reel_story_node *node)
{
    return node->event ? node->event : "free_text";
}

static enum reel_status keep_choice(struct player *player, const struct reel_story *story,
                                    int32_t from, const struct siblings *s,
                                    int32_t i_chosen, int64_t now_s,
                                    struct reel_error *err)
{
    // The store keeps so many; more than these nobody was shown on one screen.
    const char *shown[N_SHOWN_MAX];
    const int32_t first = i_chosen < N_SHOWN_MAX ? 0 : i_chosen - N_SHOWN_MAX + 1;
    int32_t n_shown = 0;
    for (int32_t i = first; i < s->n && n_shown < N_SHOWN_MAX; i++) {
        shown[n_shown++] = event_of(&story->node[s->node[i]]);
    }
    const struct reel_choice choice = {
        .viewer = player->viewer,
        .film_key = story->film_key,
        .story = story->id,
        .node = s->node[i_chosen],
        .from = from ? event_of(&story->node[from]) : "",
        .to = shown[i_chosen - first],
        .shown = shown,
        .n_shown = n_shown,
        .at_s = now_s,
    };
    return reel_store_choice_add(player->store, &choice, err);
}

/** All siblings were seen, so all teach: the chosen one 1, the others 0. */
static enum reel_status learn(struct player *player, const struct siblings *s,
                              int32_t i_chosen, struct reel_error *err)
{
    unsigned char *bytes = NULL;
    size_t n_bytes;
    bool has_turned = false;
    enum reel_status rc = REEL_OK;
    for (int32_t i = 0; rc == REEL_OK && i < s->n && s->n > 1; i++) {
        bool was_reset = false;
        rc = reel_bandit_learn(player->bandit, s->x + (size_t)i * REEL_ARM_DIMS,
                               s->prior[i], i == i_chosen, &was_reset, err);
        has_turned = has_turned || was_reset;
    }
    if (rc == REEL_OK && has_turned) {
        cli_say(player->cli, "%s",
                tr("your choices are not what they were; the older ones count no more"));
    }
    rc = rc ? rc : reel_bandit_save(player->bandit, &bytes, &n_bytes, err);
    rc = rc ? rc
            : reel_store_state_put(player->store, player->viewer, STATE_NAME, bytes,
                                   n_bytes, err);
    reel_bandit_bytes_free(bytes);
    return rc;
}

/** Who plays a film's story cares for the film; one that has left the store is no error. */
static enum reel_status tell_film(struct player *player, const struct reel_story *story,
                                  const char *context, int64_t now_s,
                                  struct reel_error *err)
{
    const struct reel_event event = {
        .kind = REEL_EVENT_CHOOSE,
        .viewer = player->viewer,
        .value = NAN,
        .at_s = now_s - now_s % 86400, // once a day is enough
        .context = context && *context ? context : NULL,
    };
    const enum reel_status rc =
        story->film_key
            ? reel_store_event_add(player->store, story->film_key, &event, err)
            : REEL_OK;
    return rc == REEL_ENOTFOUND ? REEL_OK : rc;
}

enum reel_status player_choose(struct player *player, const struct reel_story *story,
                               int32_t from, const struct siblings *siblings,
                               int32_t i_chosen, const char *context,
                               struct reel_error *err)
{
    const int64_t now_s = (int64_t)time(NULL);
    enum reel_status rc =
        keep_choice(player, story, from, siblings, i_chosen, now_s, err);
    // The policy decided what came first; that it was taken is its reward.
    if (rc == REEL_OK && siblings->shown) {
        rc = reel_store_shown_answer(player->store, siblings->shown,
                                     siblings->node[i_chosen], i_chosen == 0, err);
    }
    rc = rc ? rc : learn(player, siblings, i_chosen, err);
    rc = rc ? rc : tell_film(player, story, context, now_s, err);
    const int32_t t = type_of(player->type, player->n_types,
                              story->node[siblings->node[i_chosen]].event);
    if (rc == REEL_OK && t >= 0) {
        player->n_chosen[t]++;
    }
    return rc;
}

// ---- scores of branches ----

static double logistic(double z)
{
    return 1 / (1 + exp(-z));
}

/** Move the logit of p_like, and show by how much p_like moved. */
static void add_part(struct reel_branch_score *score, const char *name, double logits)
{
    const double before = score->p_like;
    if (score->n_parts >= REEL_BRANCH_PARTS_MAX || !(before > 0 && before < 1)) {
        return;
    }
    score->p_like = logistic(log(before / (1 - before)) + logits);
    snprintf(score->part[score->n_parts].name, sizeof score->part[0].name, "%s", name);
    score->part[score->n_parts++].value = score->p_like - before;
}

static enum reel_status score(const struct reel_branch *branch, int32_t n,
                              struct reel_branch_score *out, void *payload,
                              struct reel_error *err)
{
    const struct player_scorer *s = payload;
    const bool is_zh = s->lang[0] == 'z';
    enum reel_status rc = s->inner.score(branch, n, out, s->inner.payload, err);
    for (int32_t i = 0; rc == REEL_OK && i < n; i++) {
        float x[REEL_ARM_DIMS];
        double novelty, mean;
        player_arm(s->player, branch[i].event, s->tone, x, &novelty);
        rc = reel_bandit_value(s->player->bandit, x, 1, &mean, NULL, err);
        if (rc == REEL_OK && reel_bandit_n_learned(s->player->bandit) > 0) {
            add_part(&out[i], is_zh ? "玩过的选择" : "branches you chose",
                     GAIN_CHOICES * fmax(-1, fmin(1, mean)));
        }
        if (rc == REEL_OK && s->player->situation) {
            add_part(&out[i], is_zh ? "此时的情境" : "the situation",
                     player_situation_of(s->player, branch[i].event));
        }
    }
    return rc;
}

struct reel_branch_scorer player_branch_scorer(struct player_scorer *scorer)
{
    // Without choices there is nothing to add, and nothing to show.
    return reel_bandit_n_learned(scorer->player->bandit) > 0 || scorer->player->situation
               ? (struct reel_branch_scorer){.score = score, .payload = scorer}
               : scorer->inner;
}
