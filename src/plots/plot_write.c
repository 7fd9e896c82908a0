/**
 * The writer. A scene begins with its planned sentence, so the plot is told whatever the
 * model dreams of, and the model goes on from there: prompts show worked pairs of a
 * beginning and what follows (plot_prompt.h), an engine continues, several candidates for
 * each step, all of a level at once. A candidate is tidied; if the scene fails a check, its
 * last sentences are given up one by one as long as enough is left. What survives is judged
 * by how much likelier the story makes it; what gains too little is dropped, and siblings are
 * chosen together.
 */
#include "plot_write.h"

#include "base_alloc.h"
#include "base_error.h"
#include "plot_diverse.h"
#include "plot_prompt.h"

#include <math.h>
#include <string.h>

#define PLAN_ALIKE_MAX .6
/** What the story and the plan make less likelier than this, in nats per token, is not
 *  about them: a planned sentence reads better alone than with it. */
#define GAIN_MIN .8

enum {
    PROMPT_BYTES_MAX = 1 << 20,
    WORDS_LEFT_MIN = 8,
    HAN_LEFT_MIN = 12,
    ADDED_MIN = 6,
    ECHO_RUN = 5,
    ADDED_HAN_MIN = 8,
    NEW_MIN = 4, /* words that the planned sentence does not have */
    NEW_HAN_MIN = 6
};

struct plot_writer {
    const struct plot_world *world;
    const struct reel_fork_options *opt;
    const char *genre;
    struct plot_prompts *prompts;
    struct plot_checker *checker;
    bool is_zh, has_model;
};

/** A text that may be taken for a slot. */
struct candidate {
    const char *text;
    const char *added; /* its end, which the model wrote; "" none */
    int32_t i_slot;
    double gain; /* of what was added, given story and plan; NAN unknown */
    enum reel_provenance provenance;
};

/** One level under way; everything in `arena`. */
struct level {
    struct plot_writer *writer;
    struct plot_slot *slot;
    int32_t n_slots;
    struct base_arena *arena;
    const struct reel_progress *progress;
    struct candidate *candidate;
    int32_t n_candidates, room;
};

/* ---- languages ---- */

/**
 * Ordinary Chinese. What a model of Chinese loses on it, measured in nats for each character:
 * Qwen2.5-Coder 1.5B 2.9, 0.5B 4.0; SmolLM2-135M, which was trained on English, 5.7.
 */
static const char *const held_zh[] = {
    "他推开门，看见她坐在窗前，手里拿着一封没有拆开的信。",
    "他们在雨里站了很久，谁也没有先开口说话。",
    "老人把钥匙放在桌上，慢慢地走出了院子。",
};
#define HELD_LOSS_MAX 4.8 /* nats for each character */

enum reel_status plot_knows_language(struct reel_lm *lm, const char *language,
                                     bool *knows, struct reel_error *err)
{
    *knows = true;
    if (strcmp(language, "zh") != 0 || !reel_lm_about(lm)->can_score) {
        return REEL_OK; // every model knows English; of a server the checks will tell
    }
    struct reel_lm_judged judged[sizeof held_zh / sizeof *held_zh];
    const int32_t n = sizeof held_zh / sizeof *held_zh;
    double loss = 0, n_characters = 0;
    for (int32_t i = 0; i < n; i++) {
        judged[i] = (struct reel_lm_judged){.context = "", .text = held_zh[i]};
    }
    const enum reel_status rc = reel_lm_score(lm, judged, n, NULL, err);
    for (int32_t i = 0; rc == REEL_OK && i < n; i++) {
        loss -= judged[i].logp;
        n_characters += (double)strlen(held_zh[i]) / 3;
    }
    *knows = rc || loss / n_characters < HELD_LOSS_MAX;
    return rc;
}

/* ---- life ---- */

static enum reel_status make_checker(struct plot_writer *w, struct reel_error *err)
{
    struct plot_check_options checks = {.n_words_max = w->opt->n_words_max,
                                        .max_age = w->opt->max_age,
                                        .must_not = w->opt->must_not,
                                        .n_must_not = w->opt->n_must_not,
                                        .prompt_scenes = plot_prompts_scenes(w->prompts)};
    checks.prompt_name = plot_prompts_names(w->prompts, &checks.n_prompt_names);
    return plot_checker_create(w->world, &checks, &w->checker, err);
}

enum reel_status plot_writer_create(const struct plot_world *world,
                                    const struct reel_fork_options *opt,
                                    struct plot_writer **out, struct reel_error *err)
{
    *out = NULL;
    struct plot_writer *w = base_alloc_zeroed(1, sizeof *w);
    if (!w) {
        return fail(err, REEL_ENOMEM, "a writer");
    }
    w->world = world;
    w->opt = opt;
    w->genre = opt->genre && *opt->genre ? opt->genre : world->genre;
    w->is_zh = !strcmp(world->language, "zh");
    w->has_model = opt->lm != NULL;
    enum reel_status rc = plot_prompts_create(world->language, &w->prompts, err);
    rc = rc ? rc : make_checker(w, err);
    if (rc == REEL_OK && opt->lm && opt->method != REEL_METHOD_PLAIN) {
        rc = plot_knows_language(opt->lm, world->language, &w->has_model, err);
    }
    if (rc) {
        plot_writer_free(w);
        return rc;
    }
    *out = w;
    return REEL_OK;
}

void plot_writer_free(struct plot_writer *writer)
{
    if (writer) {
        plot_checker_free(writer->checker);
        plot_prompts_free(writer->prompts);
        base_free(writer);
    }
}

const char *plot_writer_prompt_version(const struct plot_writer *writer)
{
    return plot_prompts_version(writer->prompts);
}

struct plot_checker *plot_writer_checker(struct plot_writer *writer)
{
    return writer->checker;
}

bool plot_writer_has_model(const struct plot_writer *writer)
{
    return writer->has_model;
}

static enum reel_status out_of_memory(struct reel_error *err)
{
    return fail(err, REEL_ENOMEM, "texts of a level");
}

/* ---- prompts ---- */

static char *kept(const struct level *l, const struct base_buffer *buffer)
{
    return base_arena_strdup(l->arena, base_buffer_text(buffer));
}

/** All texts of the path, a blank line between. */
static char *join_told(const struct level *l, const struct plot_scene *scene)
{
    struct base_buffer buffer;
    base_buffer_init(&buffer, PROMPT_BYTES_MAX);
    bool is_ok = true;
    for (int32_t i = 0; is_ok && i < scene->n_told; i++) {
        is_ok = base_buffer_print(&buffer, "%s%s", i ? "\n\n" : "", scene->told[i]);
    }
    char *story = is_ok ? kept(l, &buffer) : NULL;
    base_buffer_release(&buffer);
    return story;
}

static enum reel_status tell_facts(const struct level *l, const struct plot_slot *slot,
                                   struct base_buffer *facts, struct reel_error *err)
{
    const struct plot_step *step = slot->scene.step;
    int32_t who[PLOT_ROLES], n = 0;
    for (int r = 0; step && r < PLOT_ROLES; r++) {
        if (step->role[r] >= 0) {
            who[n++] = step->role[r];
        }
    }
    (void)l;
    return n ? plot_graph_tell(slot->scene.before, who, n, facts, err) : REEL_OK;
}

/** The scene before without the planned sentence at its head: the note says that already. */
static const char *scene_before(const struct plot_slot *slot)
{
    const struct plot_scene *scene = &slot->scene;
    const char *before = scene->n_told ? scene->told[scene->n_told - 1] : NULL;
    const size_t n = slot->note_before ? strlen(slot->note_before) : 0;
    if (before && n && !strncmp(before, slot->note_before, n) && before[n]) {
        return before + n + strspn(before + n, " ");
    }
    return before;
}

static enum reel_status make_prompt(const struct level *l, const struct plot_slot *slot,
                                    struct reel_lm_prompt *out, struct reel_error *err)
{
    struct plot_writer *w = l->writer;
    const struct plot_scene *scene = &slot->scene;
    const bool is_plain = w->opt->method == REEL_METHOD_PLAIN;
    struct base_buffer facts, text, instruction;
    base_buffer_init(&facts, PROMPT_BYTES_MAX);
    base_buffer_init(&text, PROMPT_BYTES_MAX);
    base_buffer_init(&instruction, PROMPT_BYTES_MAX);
    enum reel_status rc = is_plain ? REEL_OK : tell_facts(l, slot, &facts, err);
    const struct plot_prompt prompt = {
        .world = w->world,
        .genre = w->genre,
        .tone = w->opt->tone,
        .facts = base_buffer_text(&facts),
        .note_before = slot->note_before,
        .before = scene_before(slot),
        .note = scene->step ? scene->step->sentence : NULL,
        .story = is_plain ? join_told(l, scene) : NULL,
    };
    if (rc == REEL_OK &&
        (is_plain
             ? !plot_prompt_add_plain(w->prompts, &prompt, &text) ||
                   !plot_prompt_add_plain(w->prompts, &prompt, &instruction)
             : !plot_prompt_add(w->prompts, &prompt, &text) ||
                   !plot_prompt_add_instruction(w->prompts, &prompt, &instruction))) {
        rc = out_of_memory(err);
    }
    if (rc == REEL_OK) {
        out->text = kept(l, &text);
        out->instruction = kept(l, &instruction);
        out->group = slot->i_parent;
        out->n_samples =
            is_plain ? slot->n_wanted : slot->n_wanted * w->opt->n_candidates;
        rc = out->text && out->instruction ? REEL_OK : out_of_memory(err);
    }
    base_buffer_release(&facts);
    base_buffer_release(&text);
    base_buffer_release(&instruction);
    return rc;
}

static struct reel_lm_request make_request(const struct level *l)
{
    static const char *const stop[] = {"\n"}, *const stop_plain[] = {"\n\n"};
    const struct reel_fork_options *opt = l->writer->opt;
    const bool is_planned = l->slot->scene.step && !l->writer->is_zh;
    struct reel_lm_request request = reel_lm_request_default();
    // a planned scene has its beginning already
    request.n_tokens_max = is_planned ? opt->n_words_max : opt->n_words_max * 3 / 2;
    request.seed = opt->seed + (uint64_t)(l->slot->scene.n_told * 7919);
    request.stop = stop;
    request.n_stops = 1;
    // each sibling is to cost the same, however many candidates it has
    request.sibling_cost = 2.0 / opt->n_candidates;
    if (opt->method == REEL_METHOD_PLAIN) {
        request.sibling_cost = 0;
        request.ngram_cost = 0;
        request.stop = stop_plain;
    }
    request.progress = *l->progress;
    return request;
}

/* ---- tidying ---- */

static const char *skip_label(const char *text)
{
    static const char *const labels[] = {"Scene:", "Note:",  "Next:",  "Text:", "接着：",
                                         "接着:",  "开头：", "场景：", "场景:", "提纲：",
                                         "- ",     "* ",     "# "};
    for (bool is_found = true; is_found;) {
        is_found = false;
        text += strspn(text, " \t\r\n");
        for (size_t i = 0; i < sizeof labels / sizeof *labels; i++) {
            const size_t n = strlen(labels[i]);
            if (!strncmp(text, labels[i], n)) {
                text += n;
                is_found = true;
            }
        }
    }
    return text;
}

/** Full-width signs for half-width ones beside Chinese, and no blanks between characters. */
static void widen(char *text, struct base_buffer *out)
{
    static const struct {
        char narrow;
        const char *wide;
    } signs[] = {{',', "，"}, {'.', "。"}, {'?', "？"}, {'!', "！"},
                 {':', "："}, {';', "；"}, {'(', "（"}, {')', "）"}};
    bool is_open = false, is_ok = true, is_han_before = false;
    for (const char *at = text; is_ok && *at;) {
        const char *begin = at;
        const uint32_t c = plot_next_char(&at);
        const char *as = NULL;
        for (size_t i = 0; is_han_before && i < sizeof signs / sizeof *signs; i++) {
            as = (char)c == signs[i].narrow && c < 0x80 ? signs[i].wide : as;
        }
        if (c == '"') {
            as = is_open ? "”" : "“";
            is_open = !is_open;
        } else if (c == ' ') {
            as = "";
        }
        is_ok = as ? base_buffer_add_text(out, as)
                   : base_buffer_add(out, begin, (size_t)(at - begin));
        is_han_before = c >= 0x2000;
    }
}

char *plot_tidy(const char *text, bool is_zh, struct base_arena *arena)
{
    struct base_buffer wide;
    text = skip_label(text);
    char *one = base_arena_strndup(arena, text, strcspn(text, "\r\n"));
    for (size_t n = one ? strlen(one) : 0;
         n > 0 && (one[n - 1] == ' ' || one[n - 1] == '\t'); n--) {
        one[n - 1] = 0;
    }
    if (!one || !is_zh) {
        return one;
    }
    base_buffer_init(&wide, PROMPT_BYTES_MAX);
    widen(one, &wide);
    one = base_arena_strdup(arena, base_buffer_text(&wide));
    base_buffer_release(&wide);
    return one;
}

int32_t plot_sentences_count(const char *text)
{
    int32_t n = 0;
    for (; *text; n++) {
        text = plot_sentence_end(text);
        text += strspn(text, " ");
    }
    return n;
}

char *plot_sentences(const char *text, int32_t n, struct base_arena *arena)
{
    const char *end = text;
    for (int32_t i = 0; i < n && *end; i++) {
        end = plot_sentence_end(end + strspn(end, " "));
    }
    return base_arena_strndup(arena, text, (size_t)(end - text));
}

/* ---- candidates ---- */

static enum reel_status add_candidate(struct level *l, int32_t i_slot, const char *text,
                                      const char *added, enum reel_provenance provenance,
                                      struct reel_error *err)
{
    if (l->n_candidates == l->room) {
        const int32_t room = l->room ? 2 * l->room : 64;
        struct candidate *more =
            base_realloc_array(l->candidate, (size_t)room, sizeof *more);
        if (!more) {
            return out_of_memory(err);
        }
        l->candidate = more;
        l->room = room;
    }
    l->candidate[l->n_candidates++] =
        (struct candidate){text, added, i_slot, NAN, provenance};
    return REEL_OK;
}

static char *join(const struct level *l, const char *first, const char *second)
{
    struct base_buffer buffer;
    base_buffer_init(&buffer, PROMPT_BYTES_MAX);
    const bool is_ok =
        base_buffer_print(&buffer, "%s%s%s", first, l->writer->is_zh ? "" : " ", second);
    char *both = is_ok ? kept(l, &buffer) : NULL;
    base_buffer_release(&buffer);
    return both;
}

/** A text that says the planned sentence again adds nothing to it. */
static enum reel_status repeats_plan(const struct level *l, const struct plot_slot *slot,
                                     const char *text, bool *repeats,
                                     struct reel_error *err)
{
    struct plot_words x = {0}, y = {0};
    struct base_text *fold = plot_checker_fold(l->writer->checker);
    enum reel_status rc = plot_words_cut(fold, text, &x, err);
    rc = rc ? rc : plot_words_cut(fold, slot->scene.step->sentence, &y, err);
    const int32_t n_new_min = l->writer->is_zh ? NEW_HAN_MIN : NEW_MIN;
    *repeats = rc == REEL_OK && x.n > 0 &&
               (plot_words_alike(&x, &y) > PLAN_ALIKE_MAX ||
                plot_words_common_run(&x, &y) >= (l->writer->is_zh ? 8 : 6) ||
                plot_words_new(&x, &y) < n_new_min);
    plot_words_release(&x);
    plot_words_release(&y);
    return rc;
}

/** A turn of phrase of the path: a small model likes what it has just read too well. */
static enum reel_status echoes_story(const struct level *l, const struct plot_slot *slot,
                                     const char *text, bool *echoes,
                                     struct reel_error *err)
{
    struct plot_words x = {0}, y = {0};
    struct base_text *fold = plot_checker_fold(l->writer->checker);
    enum reel_status rc = plot_words_cut(fold, text, &x, err);
    *echoes = false;
    for (int32_t i = 0; rc == REEL_OK && !*echoes && i < slot->scene.n_told; i++) {
        rc = plot_words_cut(fold, slot->scene.told[i], &y, err);
        *echoes = rc == REEL_OK &&
                  plot_words_common_run(&x, &y) >= (l->writer->is_zh ? 8 : ECHO_RUN);
        plot_words_release(&y);
    }
    plot_words_release(&x);
    return rc;
}

static bool adds_enough(const struct level *l, const char *text, int32_t n_words_min,
                        int32_t n_han_min)
{
    int32_t n = 0;
    if (l->writer->is_zh) {
        for (uint32_t c; (c = plot_next_char(&text)) != 0;) {
            n += plot_is_han(c);
        }
        return n >= n_han_min;
    }
    for (; *text; n++) {
        text += strcspn(text, " ");
        text += strspn(text, " ");
    }
    return n >= n_words_min;
}

/** Check a text with the planned sentence before it; `*whole` NULL when it fails. */
static enum reel_status try_text(const struct level *l, struct plot_slot *slot,
                                 const char *text, const char **whole, uint32_t *failed,
                                 struct reel_error *err)
{
    const struct plot_step *step = slot->scene.step;
    const char *all = step ? join(l, step->sentence, text) : text;
    bool repeats = false, echoes = false;
    *whole = NULL;
    enum reel_status rc = all ? REEL_OK : out_of_memory(err);
    if (rc == REEL_OK && step) {
        rc = repeats_plan(l, slot, text, &repeats, err);
    }
    rc = rc ? rc : echoes_story(l, slot, text, &echoes, err);
    rc = rc ? rc : plot_check_text(l->writer->checker, &slot->scene, all, failed, err);
    *failed |= echoes ? 1u << PLOT_CHECK_COPIES_ANCESTOR : 0;
    *failed |= repeats ? 1u << PLOT_CHECK_COPIES_PROMPT : 0;
    *failed |= rc == REEL_OK && step && !adds_enough(l, text, ADDED_MIN, ADDED_HAN_MIN)
                   ? 1u << PLOT_CHECK_EMPTY
                   : 0;
    *whole = rc || *failed ? NULL : all;
    return rc;
}

/** The longest beginning of what was written that passes; else count why it failed. */
static enum reel_status weigh_sample(struct level *l, int32_t i_slot, const char *raw,
                                     struct reel_error *err)
{
    struct plot_slot *slot = &l->slot[i_slot];
    const char *text = plot_tidy(raw, l->writer->is_zh, l->arena), *whole = NULL;
    uint32_t failed = 0, failed_first = 0;
    size_t n_added = 0;
    enum reel_status rc = text ? REEL_OK : out_of_memory(err);
    for (int32_t n_all = text ? plot_sentences_count(text) : 0, n = n_all > 0 ? n_all : 1;
         rc == REEL_OK && n > 0 && !whole; n--) {
        const char *part = n == n_all ? text : plot_sentences(text, n, l->arena);
        if (!part || (n < n_all && !adds_enough(l, part, WORDS_LEFT_MIN, HAN_LEFT_MIN))) {
            break;
        }
        n_added = strlen(part);
        rc = try_text(l, slot, part, &whole, &failed, err);
        failed_first = n == n_all || n_all == 0 ? failed : failed_first;
    }
    if (whole) {
        const char *added = whole + strlen(whole) - n_added;
        return add_candidate(l, i_slot, whole, added, REEL_BY_MODEL, err);
    }
    for (int32_t c = 0; rc == REEL_OK && c < PLOT_N_CHECKS; c++) {
        slot->n_failed[c] += (failed_first >> c) & 1;
    }
    return rc;
}

/** The plain way takes what comes, checks nothing, and changes nothing but the edges. */
static enum reel_status take_sample(struct level *l, int32_t i_slot, const char *raw,
                                    struct reel_error *err)
{
    raw += strspn(raw, " \t\r\n");
    size_t n = strlen(raw);
    while (n && strchr(" \t\r\n", raw[n - 1])) {
        n--;
    }
    char *text = base_arena_strndup(l->arena, n ? raw : "…", n ? n : strlen("…"));
    return text ? add_candidate(l, i_slot, text, text, REEL_BY_MODEL, err)
                : out_of_memory(err);
}

static enum reel_status write_all(struct level *l, struct reel_error *err)
{
    struct reel_lm_prompt *prompt = base_alloc_zeroed((size_t)l->n_slots, sizeof *prompt);
    struct reel_lm_reply reply = {0};
    enum reel_status rc = prompt ? REEL_OK : out_of_memory(err);
    for (int32_t s = 0; rc == REEL_OK && s < l->n_slots; s++) {
        rc = make_prompt(l, &l->slot[s], &prompt[s], err);
    }
    if (rc == REEL_OK) {
        struct reel_lm_request request = make_request(l);
        request.prompt = prompt;
        request.n_prompts = l->n_slots;
        rc = reel_lm_generate(l->writer->opt->lm, &request, &reply, err);
    }
    for (int32_t i = 0; rc == REEL_OK && i < reply.n_samples; i++) {
        const struct reel_lm_sample *sample = &reply.sample[i];
        rc = l->writer->opt->method == REEL_METHOD_PLAIN
                 ? take_sample(l, sample->i_prompt, sample->text, err)
                 : weigh_sample(l, sample->i_prompt, sample->text, err);
    }
    reel_lm_reply_release(&reply);
    base_free(prompt);
    return rc;
}

/* ---- judging ---- */

/** "story\n\nlead " in the arena; NULL out of memory. */
static char *context_of(const struct plot_judged *judged, struct base_arena *arena)
{
    const char *lead = judged->lead ? judged->lead : "";
    const size_t n = strlen(judged->story) + strlen(lead) + 4;
    char *context = base_arena_alloc(arena, n, 1);
    if (context) {
        // full-width signs take no blank behind them
        const bool is_wide = *lead && (lead[strlen(lead) - 1] & 0x80) != 0;
        snprintf(context, n, "%s\n\n%s%s", judged->story, lead,
                 *lead && !is_wide ? " " : "");
    }
    return context;
}

enum reel_status plot_judge(struct reel_lm *lm, struct plot_judged *judged, int32_t n,
                            const struct reel_progress *progress, struct reel_error *err)
{
    struct base_arena arena;
    base_arena_init(&arena, (size_t)1 << 30);
    struct reel_lm_judged *pair = base_alloc_zeroed(2 * (size_t)n, sizeof *pair);
    enum reel_status rc = pair ? REEL_OK : out_of_memory(err);
    for (int32_t i = 0; rc == REEL_OK && i < n; i++) {
        pair[2 * i].context = context_of(&judged[i], &arena);
        pair[2 * i + 1].context = "";
        pair[2 * i].text = pair[2 * i + 1].text = judged[i].text;
        rc = pair[2 * i].context ? REEL_OK : out_of_memory(err);
    }
    rc = rc || n == 0 ? rc : reel_lm_score(lm, pair, 2 * n, progress, err);
    for (int32_t i = 0; rc == REEL_OK && i < n; i++) {
        const struct reel_lm_judged *j = &pair[2 * i];
        judged[i].logp_per_token = j->n_tokens > 0 ? j->logp / j->n_tokens : NAN;
        judged[i].gain = j->n_tokens > 0 ? (j->logp - j[1].logp) / j->n_tokens : NAN;
    }
    base_free(pair);
    base_arena_release(&arena);
    return rc;
}

/** Does the story make words likelier to this model? Over lines that stand alone it cannot. */
static bool can_judge(const struct level *l)
{
    const struct plot_writer *w = l->writer;
    if (!w->has_model || w->opt->weight_gain <= 0) {
        return false;
    }
    const struct reel_lm_facts *facts = reel_lm_about(w->opt->lm);
    return facts->can_score && !facts->reads_lines;
}

/** What the model added to each planned sentence, as a continuation of it. */
static enum reel_status judge_candidates(struct level *l, struct reel_error *err)
{
    const size_t n = (size_t)l->n_candidates;
    if (!can_judge(l) || l->writer->opt->method == REEL_METHOD_PLAIN || n == 0) {
        return REEL_OK; // the plain way takes what comes first
    }
    struct plot_judged *judged = base_alloc_zeroed(n, sizeof *judged);
    enum reel_status rc = judged ? REEL_OK : out_of_memory(err);
    const char *story = NULL;
    for (size_t i = 0; rc == REEL_OK && i < n; i++) {
        const struct candidate *c = &l->candidate[i];
        const struct plot_scene *scene = &l->slot[c->i_slot].scene;
        if (i == 0 || c->i_slot != l->candidate[i - 1].i_slot) {
            story = join_told(l, scene);
            rc = story ? REEL_OK : out_of_memory(err);
        }
        const size_t n_lead = strlen(c->text) - strlen(c->added);
        judged[i] = (struct plot_judged){
            story, n_lead && scene->step ? scene->step->sentence : NULL, c->added, NAN,
            NAN};
    }
    rc = rc ? rc : plot_judge(l->writer->opt->lm, judged, (int32_t)n, l->progress, err);
    for (size_t i = 0; rc == REEL_OK && i < n; i++) {
        l->candidate[i].gain = judged[i].gain;
    }
    base_free(judged);
    return rc;
}

/** The scenes that were chosen, as a whole: the numbers that nodes keep. */
static enum reel_status judge_written(struct level *l, struct reel_error *err)
{
    if (!can_judge(l)) {
        return REEL_OK;
    }
    int32_t n_room = 0, n = 0;
    for (int32_t s = 0; s < l->n_slots; s++) {
        n_room += l->slot[s].n_written;
    }
    struct plot_judged *judged = base_alloc_zeroed((size_t)n_room, sizeof *judged);
    enum reel_status rc = judged ? REEL_OK : out_of_memory(err);
    for (int32_t s = 0; rc == REEL_OK && s < l->n_slots; s++) {
        const char *story = join_told(l, &l->slot[s].scene);
        rc = story ? REEL_OK : out_of_memory(err);
        for (int32_t i = 0; rc == REEL_OK && i < l->slot[s].n_written; i++) {
            judged[n++] =
                (struct plot_judged){story, NULL, l->slot[s].written[i].text, NAN, NAN};
        }
    }
    rc = rc ? rc : plot_judge(l->writer->opt->lm, judged, n, l->progress, err);
    n = 0;
    for (int32_t s = 0; rc == REEL_OK && s < l->n_slots; s++) {
        for (int32_t i = 0; i < l->slot[s].n_written; i++, n++) {
            l->slot[s].written[i].gain_per_token = judged[n].gain;
            l->slot[s].written[i].logp_per_token = judged[n].logp_per_token;
        }
    }
    base_free(judged);
    return rc;
}

/* ---- choosing ---- */

/** Give up what the model added to a plan without having it in mind. */
static void drop_unmoved(struct level *l)
{
    int32_t n = 0;
    for (int32_t i = 0; i < l->n_candidates; i++) {
        const struct candidate *c = &l->candidate[i];
        if (!l->slot[c->i_slot].scene.step || !(c->gain < GAIN_MIN)) {
            l->candidate[n++] = *c;
        }
    }
    l->n_candidates = n;
}

/** Planned sentences for slots that no candidate is left for. */
static enum reel_status add_planned(struct level *l, struct reel_error *err)
{
    enum reel_status rc = REEL_OK;
    const int32_t n_written = l->n_candidates;
    for (int32_t s = 0; rc == REEL_OK && s < l->n_slots; s++) {
        int32_t i = 0;
        while (i < n_written && l->candidate[i].i_slot != s) {
            i++;
        }
        if (i == n_written && l->slot[s].scene.step) {
            rc = add_candidate(l, s, l->slot[s].scene.step->sentence, "",
                               REEL_BY_TEMPLATE, err);
        }
    }
    return rc;
}

static double diversity_of(const struct plot_branch *branch, const int32_t *picked,
                           int32_t n_picked, int32_t i)
{
    double most = 0;
    for (int32_t j = 0; j < n_picked; j++) {
        const double alike =
            j == i ? 0 : plot_branch_alike(&branch[picked[i]], &branch[picked[j]]);
        most = alike > most ? alike : most;
    }
    return n_picked > 1 ? 1 - most : NAN;
}

/** 1 for the best candidate of its slot, less by a nat per token for each it lies behind. */
static double relevance_of(const struct level *l, const struct candidate *candidate)
{
    double best = candidate->gain;
    for (int32_t i = 0; i < l->n_candidates; i++) {
        const struct candidate *other = &l->candidate[i];
        best =
            other->i_slot == candidate->i_slot && other->gain > best ? other->gain : best;
    }
    return isnan(best) ? .5 : fmax(0, 1 + candidate->gain - best);
}

/** Texts for the slots first .. end - 1, which are siblings. */
static enum reel_status choose_siblings(struct level *l, int32_t first, int32_t end,
                                        struct reel_error *err)
{
    const size_t n_room = (size_t)l->n_candidates;
    struct plot_branch *branch = base_alloc_zeroed(n_room, sizeof *branch);
    int32_t *from = base_alloc_array(n_room, sizeof *from),
            *picked = base_alloc_array(n_room, sizeof *picked);
    int32_t n = 0, n_wanted = 0, n_picked = 0;
    enum reel_status rc = branch && from && picked ? REEL_OK : out_of_memory(err);
    for (int32_t s = first; rc == REEL_OK && s < end; s++) {
        n_wanted += l->slot[s].n_wanted;
        l->slot[s].written = base_arena_alloc(l->arena, (size_t)l->slot[s].n_wanted,
                                              sizeof *l->slot[s].written);
        rc = l->slot[s].written ? REEL_OK : out_of_memory(err);
    }
    for (int32_t i = 0; rc == REEL_OK && i < l->n_candidates; i++) {
        const struct candidate *c = &l->candidate[i];
        if (c->i_slot >= first && c->i_slot < end) {
            const struct plot_slot *slot = &l->slot[c->i_slot];
            from[n] = i;
            branch[n].step = slot->scene.step;
            branch[n].relevance = relevance_of(l, c);
            branch[n].group = slot->n_wanted == 1 ? c->i_slot : -1 - n;
            rc = plot_words_cut(plot_checker_fold(l->writer->checker), c->text,
                                &branch[n++].words, err);
        }
    }
    const double diversity =
        l->writer->opt->method == REEL_METHOD_PLAIN ? 0 : l->writer->opt->diversity;
    rc = rc ? rc
            : plot_branches_pick(branch, n, diversity, n_wanted, picked, &n_picked, err);
    for (int32_t i = 0; rc == REEL_OK && i < n_picked; i++) {
        const struct candidate *c = &l->candidate[from[picked[i]]];
        struct plot_slot *slot = &l->slot[c->i_slot];
        if (slot->n_written < slot->n_wanted) {
            slot->written[slot->n_written++] = (struct plot_written){
                c->text, NAN,          NAN, diversity_of(branch, picked, n_picked, i),
                0,       c->provenance};
        }
    }
    for (int32_t i = 0; i < n; i++) {
        plot_words_release(&branch[i].words);
    }
    base_free(branch);
    base_free(from);
    base_free(picked);
    return rc;
}

enum reel_status plot_write_level(struct plot_writer *writer, struct plot_slot *slot,
                                  int32_t n_slots, struct base_arena *arena,
                                  const struct reel_progress *progress,
                                  struct reel_error *err)
{
    struct level l = {writer, slot, n_slots, arena, progress, NULL, 0, 0};
    enum reel_status rc = REEL_OK;
    for (int32_t s = 0; s < n_slots; s++) {
        slot[s].n_written = 0;
        memset(slot[s].n_failed, 0, sizeof slot[s].n_failed);
    }
    if (n_slots == 0) {
        return REEL_OK;
    }
    if (writer->has_model) {
        rc = write_all(&l, err);
    }
    rc = rc ? rc : judge_candidates(&l, err);
    if (rc == REEL_OK) {
        drop_unmoved(&l);
        rc = add_planned(&l, err);
    }
    for (int32_t first = 0, end = 0; rc == REEL_OK && first < n_slots; first = end) {
        while (end < n_slots && slot[end].i_parent == slot[first].i_parent) {
            end++;
        }
        rc = choose_siblings(&l, first, end, err);
    }
    rc = rc ? rc : judge_written(&l, err);
    base_free(l.candidate);
    return rc;
}
