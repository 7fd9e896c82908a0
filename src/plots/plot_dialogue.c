/**
 * Characters' lines for a node. What is to be said comes from data/dialogue.json: the event
 * of the node gives a talk, a row of acts (accuse, deny, plead ...) that its persons take in
 * turn; who says it, to whom and how they stand gives the family of the voice (hard, warm,
 * light, plain). Each act has template lines by family. The model is shown worked lines, the
 * scene and what was said, and continues; what passes the checks is said, else the template.
 */
#include "plot_write.h"

#include "base_alloc.h"
#include "base_error.h"
#include "base_rng.h"
#include "plot_data.h"
#include "plot_prompt.h"
#include "plot_replay.h"

#include <jansson.h>

#include <math.h>
#include <string.h>

enum {
    LINES_MAX = 64,
    LINE_CANDIDATES = 6,
    LINE_WORDS_MAX = 30,
    DIALOGUE_BYTES_MAX = 8 << 20
};

/** One dialogue under way. */
struct talk {
    const struct reel_story *story;
    const struct reel_story_node *node;
    struct reel_lm *lm;
    const struct plot_schema *schema;
    json_t *data;
    struct plot_world *world;
    struct plot_prompts *prompts;
    struct plot_checker *checker;
    struct plot_graph graph;
    struct base_arena *arena; /* of the dialogue that comes out */
    struct base_buffer said;  /* the prompt so far */
    struct base_rng rng;
    int32_t speaker[2]; /* a and b */
    const char *language;
    bool is_zh;
    uint64_t seed;
    struct reel_dialogue *out;
    struct reel_error *err;
};

static enum reel_status no_memory(const struct talk *t)
{
    return fail(t->err, REEL_ENOMEM, "a dialogue");
}

static const char *text_at(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));
    return text ? text : "";
}

/* ---- who ---- */

static bool can_speak(const struct talk *t, int32_t e)
{
    return t->world->entity[e].kind == REEL_ENTITY_PERSON &&
           !plot_graph_holds(&t->graph, e, PLOT_DEAD, -1);
}

/** Somebody else for a person to speak to: at the same place, else a tie, else anybody. */
static int32_t partner_of(const struct talk *t, int32_t e)
{
    const int32_t place = plot_graph_object(&t->graph, e, PLOT_AT);
    int32_t best = -1, best_fit = -1;
    for (int32_t o = 0; o < t->world->n_entities; o++) {
        if (o == e || !can_speak(t, o)) {
            continue;
        }
        int32_t fit = place >= 0 && plot_graph_object(&t->graph, o, PLOT_AT) == place;
        for (int32_t i = 0; i < t->world->n_facts; i++) {
            const struct reel_fact *f = &t->world->fact[i];
            fit += (f->subject == e && f->object == o) ||
                   (f->subject == o && f->object == e);
        }
        if (fit > best_fit) {
            best = o;
            best_fit = fit;
        }
    }
    return best;
}

/** The persons of the event who are alive; where it has one, whom that one would speak to. */
static enum reel_status find_speakers(struct talk *t)
{
    int32_t n = 0;
    for (int32_t i = 0; i < t->node->n_roles && n < 2; i++) {
        if (can_speak(t, t->node->role[i].entity)) {
            t->speaker[n++] = t->node->role[i].entity;
        }
    }
    for (int32_t e = 0; n == 0 && e < t->world->n_entities; e++) {
        if (can_speak(t, e)) {
            t->speaker[n++] = e;
        }
    }
    if (n == 1) {
        t->speaker[n] = partner_of(t, t->speaker[0]);
        n += t->speaker[1] >= 0;
    }
    return n == 2 ? REEL_OK
                  : fail(t->err, REEL_EFAIL, "there are no two persons alive to speak");
}

/* ---- how ---- */

static bool trait_is_of(const json_t *family, const char *trait)
{
    const char *words = json_string_value(family);
    while (words && *words) {
        char word[64];
        const size_t n = strcspn(words, " ");
        snprintf(word, sizeof word, "%.*s", (int)n, words);
        if (*word && strstr(trait, word)) {
            return true;
        }
        words += n + strspn(words + n, " ");
    }
    return false;
}

static bool is_hostile(const struct plot_graph *g, int32_t me, int32_t you)
{
    return plot_graph_holds(g, me, PLOT_ENEMY, you) ||
           plot_graph_holds(g, me, PLOT_HATES, you) ||
           plot_graph_holds(g, me, PLOT_HUNTS, you) ||
           plot_graph_holds(g, you, PLOT_WRONGED, me);
}

static bool is_fond(const struct plot_graph *g, int32_t me, int32_t you)
{
    return plot_graph_holds(g, me, PLOT_LOVES, you) ||
           plot_graph_holds(g, me, PLOT_FRIEND, you) ||
           plot_graph_holds(g, me, PLOT_TRUSTS, you) ||
           plot_graph_holds(g, me, PLOT_MARRIED, you) ||
           plot_graph_holds(g, me, PLOT_LOVERS, you);
}

/** Traits give the voice; how they stand overrules warmth to an enemy, hardness to a friend. */
static const char *family_of(const struct talk *t, int32_t me, int32_t you)
{
    const char *name, *found = NULL;
    json_t *words;
    const struct reel_entity *person = &t->world->entity[me];
    json_object_foreach(json_object_get(t->data, "families"), name, words)
    {
        for (int32_t i = 0; !found && i < person->n_traits; i++) {
            if (trait_is_of(json_object_get(words, t->language), person->trait[i])) {
                found = name;
            }
        }
    }
    if (is_hostile(&t->graph, me, you) && (!found || !strcmp(found, "warm"))) {
        return found ? "plain" : "hard";
    }
    if (is_fond(&t->graph, me, you) && (!found || !strcmp(found, "hard"))) {
        return found ? "plain" : "warm";
    }
    return found ? found : "plain";
}

static const char *short_name(const struct talk *t, int32_t e)
{
    const struct reel_entity *entity = &t->world->entity[e];
    return entity->n_aliases ? entity->alias[0] : entity->name;
}

/** A template with {me} and {you} put in. */
static bool add_filled(const struct talk *t, const char *template, int32_t me,
                       int32_t you, struct base_buffer *out)
{
    bool is_ok = true;
    for (const char *at = template; is_ok && *at;) {
        const size_t n = strcspn(at, "{");
        is_ok = base_buffer_add(out, at, n);
        at += n;
        if (*at) {
            is_ok = is_ok && base_buffer_add_text(
                                 out, short_name(t, strncmp(at, "{me}", 4) ? you : me));
            at += strcspn(at, "}") + 1;
        }
    }
    return is_ok;
}

static const char *template_line(struct talk *t, const json_t *act, int32_t me,
                                 int32_t you)
{
    const json_t *families = json_object_get(act, t->language);
    const json_t *lines = json_object_get(families, family_of(t, me, you));
    lines = json_array_size(lines) ? lines : json_object_get(families, "plain");
    const char *template = json_string_value(
        json_array_get(lines, base_rng_below(&t->rng, (uint32_t)json_array_size(lines) +
                                                          !json_array_size(lines))));
    struct base_buffer line;
    base_buffer_init(&line, 1 << 16);
    const bool is_ok = add_filled(t, template ? template : "", me, you, &line);
    char *kept = is_ok ? base_arena_strdup(t->arena, base_buffer_text(&line)) : NULL;
    base_buffer_release(&line);
    return kept;
}

/* ---- the model's line ---- */

/** "Rick (bitter, loyal) accuses Ilsa: "" */
static bool add_cue(struct talk *t, const json_t *act, int32_t me, int32_t you)
{
    const json_t *prompt =
        json_object_get(json_object_get(t->data, "prompt"), t->language);
    const struct reel_entity *person = &t->world->entity[me];
    const char *template = text_at(prompt, "line");
    bool is_ok = true;
    for (const char *at = template; is_ok && *at;) {
        const size_t n = strcspn(at, "{");
        is_ok = base_buffer_add(&t->said, at, n);
        at += n;
        if (!strncmp(at, "{traits}", 8)) {
            for (int32_t i = 0; is_ok && i < person->n_traits; i++) {
                is_ok = (!i || base_buffer_add_text(&t->said, t->is_zh ? "，" : ", ")) &&
                        base_buffer_add_text(&t->said, person->trait[i]);
            }
        } else if (!strncmp(at, "{note}", 6)) {
            is_ok =
                is_ok && add_filled(t, text_at(json_object_get(act, "note"), t->language),
                                    me, you, &t->said);
        } else if (*at) {
            is_ok = is_ok && base_buffer_add_text(&t->said, short_name(t, me));
        }
        at += *at ? strcspn(at, "}") + 1 : 0;
    }
    return is_ok;
}

static bool begin_prompt(struct talk *t)
{
    const json_t *prompt =
        json_object_get(json_object_get(t->data, "prompt"), t->language);
    const json_t *pairs = json_object_get(prompt, "pairs");
    bool is_ok = base_buffer_print(&t->said, "%s\n\n", text_at(prompt, "intro"));
    for (size_t i = 0; is_ok && i < json_array_size(pairs); i++) {
        const char *pair = json_string_value(json_array_get(pairs, i));
        is_ok = base_buffer_print(&t->said, "%s\n", pair ? pair : "");
    }
    const char *scene = text_at(prompt, "scene");
    const size_t n = strcspn(scene, "{");
    return is_ok && base_buffer_add_text(&t->said, "\n") &&
           base_buffer_add(&t->said, scene, n) &&
           base_buffer_print(&t->said, "%s\n", t->node->text);
}

/** Speech alone: nobody "said", no mark of quotation, not a line that was said already. */
static bool is_speech(const struct talk *t, const char *line, int32_t me)
{
    const json_t *words =
        json_object_get(json_object_get(t->data, "narration"), t->language);
    for (size_t i = 0; i < json_array_size(words); i++) {
        const char *word = json_string_value(json_array_get(words, i));
        if (word && strstr(line, word)) {
            return false;
        }
    }
    for (int32_t i = 0; i < t->out->n_lines; i++) {
        if (!strcmp(t->out->line[i].text, line)) {
            return false;
        }
    }
    return *line && !strpbrk(line, "\"“”「」") && !strstr(line, short_name(t, me));
}

/** A turn of phrase that was used before: small models say one thing again and again. */
static enum reel_status echoes(const struct talk *t, const char *line, bool *echo,
                               struct reel_error *err)
{
    struct plot_words x = {0}, y = {0};
    struct base_text *fold = plot_checker_fold(t->checker);
    enum reel_status rc = plot_words_cut(fold, line, &x, err);
    *echo = false;
    for (int32_t i = 0; rc == REEL_OK && !*echo && i < t->out->n_lines; i++) {
        rc = plot_words_cut(fold, t->out->line[i].text, &y, err);
        *echo = rc == REEL_OK && plot_words_common_run(&x, &y) >= (t->is_zh ? 5 : 4);
        plot_words_release(&y);
    }
    plot_words_release(&x);
    return rc;
}

static enum reel_status is_fit(const struct talk *t, const char *line, int32_t me,
                               bool *fit, struct reel_error *err)
{
    const uint32_t ignored = 1u << PLOT_CHECK_EMPTY;
    const struct plot_scene scene = {.before = &t->graph, .after = &t->graph};
    uint32_t failed = 0;
    *fit = false;
    if (!is_speech(t, line, me)) {
        return REEL_OK;
    }
    bool echo = false;
    enum reel_status rc = plot_check_text(t->checker, &scene, line, &failed, err);
    rc = rc ? rc : echoes(t, line, &echo, err);
    *fit = rc == REEL_OK && !echo && !(failed & ~ignored);
    return rc;
}

/** How much likelier the talk so far makes a line; its place where nobody can tell. */
static enum reel_status worth_of(const struct talk *t,
                                 const struct reel_lm_sample *sample, const char *line,
                                 double *worth)
{
    *worth =
        isnan(sample->logp) ? 0 : sample->logp / (sample->n_tokens + !sample->n_tokens);
    if (!reel_lm_about(t->lm)->can_score) {
        return REEL_OK;
    }
    struct reel_lm_judged judged = {.context = "", .text = line};
    const enum reel_status rc = reel_lm_score(t->lm, &judged, 1, NULL, t->err);
    if (rc == REEL_OK && judged.n_tokens > 0 && !isnan(sample->logp)) {
        *worth -= judged.logp / judged.n_tokens;
    }
    return rc;
}

/** Of some candidates that are fit, the one that the talk calls for most; NULL none. */
static enum reel_status model_line(struct talk *t, int32_t me, const char **line)
{
    static const char *const stop_en[] = {"\"", "\n"}, *const stop_zh[] = {"”", "\n"};
    const struct reel_lm_prompt prompt = {.text = base_buffer_text(&t->said),
                                          .n_samples = LINE_CANDIDATES,
                                          .instruction = base_buffer_text(&t->said)};
    struct reel_lm_request request = reel_lm_request_default();
    struct reel_lm_reply reply = {0};
    request.prompt = &prompt;
    request.n_prompts = 1;
    request.n_tokens_max = 48;
    request.stop = t->is_zh ? stop_zh : stop_en;
    request.n_stops = 2;
    request.sibling_cost = 0;
    request.seed = t->seed + (uint64_t)t->out->n_lines;
    double best = -INFINITY;
    *line = NULL;
    enum reel_status rc = reel_lm_generate(t->lm, &request, &reply, t->err);
    for (int32_t i = 0; rc == REEL_OK && i < reply.n_samples; i++) {
        const struct reel_lm_sample *sample = &reply.sample[i];
        const char *text = plot_tidy(sample->text, t->is_zh, t->arena);
        double worth = 0;
        bool fit = false;
        rc = text ? is_fit(t, text, me, &fit, t->err) : no_memory(t);
        if (rc == REEL_OK && fit) {
            rc = worth_of(t, sample, text, &worth);
        }
        if (rc == REEL_OK && fit && worth > best) {
            best = worth;
            *line = text;
        }
    }
    reel_lm_reply_release(&reply);
    return rc;
}

/* ---- line by line ---- */

static enum reel_status say(struct talk *t, const json_t *turn)
{
    const char *who = json_string_value(json_array_get(turn, 0)),
               *what = json_string_value(json_array_get(turn, 1));
    const json_t *act =
        json_object_get(json_object_get(t->data, "acts"), what ? what : "ask");
    const bool is_b = who && *who == 'b';
    const int32_t me = t->speaker[is_b], you = t->speaker[!is_b];
    const json_t *prompt =
        json_object_get(json_object_get(t->data, "prompt"), t->language);
    const char *line = NULL;
    enum reel_status rc = add_cue(t, act, me, you) ? REEL_OK : no_memory(t);
    if (rc == REEL_OK && t->lm) {
        rc = model_line(t, me, &line);
    }
    struct reel_line *to = &t->out->line[t->out->n_lines];
    *to = (struct reel_line){me, line, line ? REEL_BY_MODEL : REEL_BY_TEMPLATE};
    if (rc == REEL_OK && !line) {
        to->text = template_line(t, act, me, you);
        rc = to->text ? REEL_OK : no_memory(t);
    }
    if (rc == REEL_OK) {
        t->out->n_lines++;
        rc = base_buffer_print(&t->said, "%s%s\n", to->text, text_at(prompt, "close"))
                 ? REEL_OK
                 : no_memory(t);
    }
    return rc;
}

static enum reel_status say_all(struct talk *t, int32_t n_lines)
{
    const json_t *events = json_object_get(t->data, "events");
    const char *talk = t->node->event ? text_at(events, t->node->event) : "";
    const json_t *turns = json_object_get(json_object_get(t->data, "talks"),
                                          *talk ? talk : text_at(t->data, "default"));
    t->out->line = base_arena_alloc(t->arena, (size_t)n_lines, sizeof *t->out->line);
    enum reel_status rc = t->out->line && json_array_size(turns) && begin_prompt(t)
                              ? REEL_OK
                              : no_memory(t);
    for (int32_t i = 0; rc == REEL_OK && i < n_lines; i++) {
        rc = say(t, json_array_get(turns, (size_t)i % json_array_size(turns)));
    }
    return rc;
}

static enum reel_status begin(struct talk *t, int32_t i_node)
{
    const struct plot_data_file *file = plot_data_find("dialogue.json");
    json_error_t why;
    t->data = file ? json_loadb(file->text, file->n_bytes, 0, &why) : NULL;
    if (!t->data) {
        return fail(t->err, REEL_ENOMEM, "data of dialogues");
    }
    enum reel_status rc = plot_schema_get(&t->schema, t->err);
    rc = rc ? rc : plot_world_create(t->story->premise, t->language, &t->world, t->err);
    rc = rc ? rc : plot_prompts_create(t->language, &t->prompts, t->err);
    if (rc) {
        return rc;
    }
    struct plot_check_options checks = {.n_words_max = LINE_WORDS_MAX,
                                        .max_age = -1,
                                        .prompt_scenes = plot_prompts_scenes(t->prompts)};
    checks.prompt_name = plot_prompts_names(t->prompts, &checks.n_prompt_names);
    rc = plot_checker_create(t->world, &checks, &t->checker, t->err);
    rc = rc ? rc : plot_replay(t->schema, t->world, t->story, i_node, &t->graph, t->err);
    if (rc == REEL_OK && t->lm) {
        bool knows = true;
        rc = plot_knows_language(t->lm, t->language, &knows, t->err);
        t->lm = knows ? t->lm : NULL;
    }
    return rc ? rc : find_speakers(t);
}

enum reel_status reel_dialogue_make(const struct reel_story *story, int32_t node,
                                    struct reel_lm *lm, int32_t n_lines, uint64_t seed,
                                    struct reel_dialogue *out, struct reel_error *err)
{
    *out = (struct reel_dialogue){0};
    if (node < 0 || node >= story->n_nodes) {
        return fail(err, REEL_EINVAL, "there is no node %d; the last is %d", node,
                    story->n_nodes - 1);
    }
    if (n_lines < 1 || n_lines > LINES_MAX) {
        return fail(err, REEL_EINVAL, "lines is %d; it must be 1 to %d", n_lines,
                    LINES_MAX);
    }
    struct base_arena *arena = base_alloc_zeroed(1, sizeof *arena);
    if (!arena) {
        return fail(err, REEL_ENOMEM, "a dialogue");
    }
    base_arena_init(arena, DIALOGUE_BYTES_MAX);
    out->owned = arena;
    struct talk t = {.story = story,
                     .node = &story->node[node],
                     .lm = lm,
                     .arena = arena,
                     .language = story->language,
                     .is_zh = !strcmp(story->language, "zh"),
                     .seed = seed,
                     .out = out,
                     .err = err};
    base_buffer_init(&t.said, 1 << 20);
    base_rng_init(&t.rng, seed, (uint64_t)node);
    enum reel_status rc = begin(&t, node);
    rc = rc ? rc : say_all(&t, n_lines);
    base_buffer_release(&t.said);
    plot_graph_release(&t.graph);
    plot_checker_free(t.checker);
    plot_prompts_free(t.prompts);
    plot_world_free(t.world);
    json_decref(t.data);
    if (rc) {
        reel_dialogue_release(out);
    }
    return rc;
}

void reel_dialogue_release(struct reel_dialogue *dialogue)
{
    struct base_arena *arena = dialogue->owned;
    if (arena) {
        base_arena_release(arena);
        base_free(arena);
    }
    *dialogue = (struct reel_dialogue){0};
}
