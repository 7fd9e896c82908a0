/** What a checker knows, read from the premise and data/checks.json; a text laid out. */
#include "plot_check_text.h"

#include "base_alloc.h"
#include "base_error.h"
#include "plot_data.h"
#include "plot_prompt.h"

#include <jansson.h>

#include <stdlib.h>
#include <string.h>

enum { CHECKER_BYTES_MAX = 64 << 20, TEXT_BYTES_MAX = 4 << 20 };

enum reel_status plot_fold_padded(struct base_text *fold, const char *text,
                                  size_t n_bytes, struct base_buffer *out,
                                  struct reel_error *err)
{
    if (!base_buffer_add_char(out, ' ')) {
        return fail(err, REEL_ENOMEM, "folding %zu bytes", n_bytes);
    }
    const enum reel_status rc = base_text_fold(fold, text, n_bytes, out, err);
    if (rc == REEL_OK && !base_buffer_add_char(out, ' ')) {
        return fail(err, REEL_ENOMEM, "folding %zu bytes", n_bytes);
    }
    return rc;
}

/* ---- a text ---- */

/** Fold a piece into the arena-like buffer; offsets stay valid, pointers do not. */
static enum reel_status add_folded(struct plot_text *t, struct base_text *fold,
                                   const char *text, size_t n, size_t *offset,
                                   struct reel_error *err)
{
    *offset = t->buffer.n_bytes;
    const enum reel_status rc = plot_fold_padded(fold, text, n, &t->buffer, err);
    if (rc == REEL_OK && !base_buffer_add_char(&t->buffer, 0)) {
        return fail(err, REEL_ENOMEM, "folding a text");
    }
    return rc;
}

static enum reel_status cut_sentences(struct plot_text *t, struct base_text *fold,
                                      struct reel_error *err)
{
    enum reel_status rc = REEL_OK;
    size_t offset[PLOT_SENTENCES_MAX] = {0};
    for (const char *at = t->raw;
         rc == REEL_OK && *at && t->n_sentences < PLOT_SENTENCES_MAX;) {
        const char *end = t->n_sentences == PLOT_SENTENCES_MAX - 1
                              ? at + strlen(at)
                              : plot_sentence_end(at);
        t->i_own += end <= t->own;
        rc = add_folded(t, fold, at, (size_t)(end - at), &offset[t->n_sentences++], err);
        at = end;
    }
    t->i_own = t->own > t->raw ? t->i_own : t->n_sentences;
    for (int32_t s = 0; rc == REEL_OK && s < t->n_sentences; s++) {
        t->sentence[s] = t->buffer.data + offset[s];
    }
    return rc;
}

static enum reel_status lay_told(struct plot_text *t, struct plot_checker *c,
                                 size_t *last, struct reel_error *err)
{
    const struct plot_scene *scene = t->scene;
    *last = 0;
    t->told = base_alloc_zeroed((size_t)scene->n_told, sizeof *t->told);
    enum reel_status rc = t->told ? REEL_OK : fail(err, REEL_ENOMEM, "texts of a path");
    for (int32_t i = 0; rc == REEL_OK && i < scene->n_told; i++, t->n_told++) {
        *last = t->buffer.n_bytes;
        rc = plot_words_cut(c->fold, scene->told[i], &t->told[i], err);
        rc = rc ? rc
                : plot_fold_padded(c->fold, scene->told[i], strlen(scene->told[i]),
                                   &t->buffer, err);
    }
    if (rc == REEL_OK && scene->step && scene->step->sentence) {
        rc = plot_fold_padded(c->fold, scene->step->sentence,
                              strlen(scene->step->sentence), &t->buffer, err);
    }
    if (rc == REEL_OK && !base_buffer_add_char(&t->buffer, 0)) {
        rc = fail(err, REEL_ENOMEM, "texts of a path");
    }
    return rc;
}

/** Behind the planned sentence, where the text begins with it. */
static const char *behind_plan(const struct plot_scene *scene, const char *raw)
{
    const char *plan = scene->step ? scene->step->sentence : NULL;
    const size_t n = plan ? strlen(plan) : 0;
    return n && !strncmp(raw, plan, n) ? raw + n + strspn(raw + n, " ") : raw;
}

enum reel_status plot_text_init(struct plot_text *text, struct plot_checker *checker,
                                const struct plot_scene *scene, const char *raw,
                                struct reel_error *err)
{
    *text =
        (struct plot_text){.raw = raw, .scene = scene, .own = behind_plan(scene, raw)};
    base_buffer_init(&text->buffer, TEXT_BYTES_MAX);
    size_t whole = 0, own = 0, last = 0;
    enum reel_status rc = lay_told(text, checker, &last, err); // begins at offset 0
    rc = rc ? rc : add_folded(text, checker->fold, raw, strlen(raw), &whole, err);
    rc = rc ? rc
            : add_folded(text, checker->fold, text->own, strlen(text->own), &own, err);
    rc = rc ? rc : plot_words_cut(checker->fold, raw, &text->words, err);
    rc = rc ? rc : plot_words_cut(checker->fold, text->own, &text->own_words, err);
    rc = rc ? rc : cut_sentences(text, checker->fold, err);
    if (rc == REEL_OK) {
        text->told_folded = text->buffer.data;
        text->last_told = text->buffer.data + last;
        text->folded = text->buffer.data + whole;
        text->own_folded = text->buffer.data + own;
    }
    return rc;
}

void plot_text_release(struct plot_text *text)
{
    for (int32_t i = 0; i < text->n_told; i++) {
        plot_words_release(&text->told[i]);
    }
    base_free(text->told);
    plot_words_release(&text->words);
    plot_words_release(&text->own_words);
    base_buffer_release(&text->buffer);
}

/* ---- lists ---- */

struct build {
    struct plot_checker *checker;
    struct base_buffer buffer;
    struct reel_error *err;
    enum reel_status rc;
};

/** Folded text in the arena; `is_padded`: a blank at either end. NULL after b->rc is set. */
static const char *fold_kept(struct build *b, const char *text, size_t n, bool is_padded)
{
    base_buffer_clear(&b->buffer);
    if (b->rc == REEL_OK) {
        b->rc = is_padded
                    ? plot_fold_padded(b->checker->fold, text, n, &b->buffer, b->err)
                    : base_text_fold(b->checker->fold, text, n, &b->buffer, b->err);
    }
    const char *kept =
        b->rc ? NULL
              : base_arena_strdup(&b->checker->arena, base_buffer_text(&b->buffer));
    if (b->rc == REEL_OK && !kept) {
        b->rc = fail(b->err, REEL_ENOMEM, "words for checks");
    }
    return kept;
}

static const char **list_room(struct build *b, size_t n)
{
    const char **item =
        b->rc ? NULL : base_arena_alloc(&b->checker->arena, n, sizeof *item);
    if (b->rc == REEL_OK && !item) {
        b->rc = fail(b->err, REEL_ENOMEM, "words for checks");
    }
    return item;
}

/** An array of phrases, or one text of words with blanks between. */
static struct plot_list read_list(struct build *b, const json_t *from, bool is_padded)
{
    struct plot_list list = {0};
    const char *words = json_string_value(from);
    list.item = list_room(b, words ? strlen(words) / 2 + 1 : json_array_size(from));
    for (size_t i = 0; b->rc == REEL_OK && i < json_array_size(from); i++) {
        const char *text = json_string_value(json_array_get(from, i));
        list.item[list.n++] =
            fold_kept(b, text ? text : "", strlen(text ? text : ""), is_padded);
    }
    while (b->rc == REEL_OK && words && *words) {
        const size_t n = strcspn(words, " ");
        list.item[list.n++] = fold_kept(b, words, n, is_padded);
        words += n + strspn(words + n, " ");
    }
    return list;
}

static int compare_words(const void *x, const void *y)
{
    return strcmp(*(const char *const *)x, *(const char *const *)y);
}

bool plot_list_has(const struct plot_list *sorted, const char *word)
{
    return bsearch(&word, sorted->item, (size_t)sorted->n, sizeof *sorted->item,
                   compare_words) != NULL;
}

/** Every word of a text that was folded. */
static void add_words(struct build *b, struct plot_list *list, const char *folded)
{
    while (b->rc == REEL_OK && *folded) {
        folded += strspn(folded, " ");
        const size_t n = strcspn(folded, " ");
        // "bostons" may have been Boston's: both are words then
        for (size_t less = 0; n && less < 2 && (!less || (n > 3 && folded[n - 1] == 's'));
             less++) {
            list->item[list->n] =
                base_arena_strndup(&b->checker->arena, folded, n - less);
            b->rc = list->item[list->n++] ? b->rc
                                          : fail(b->err, REEL_ENOMEM, "words for checks");
        }
        folded += n;
    }
}

/** Words of a text that do not begin with a capital: no names are among them. */
static bool add_small_words(struct base_buffer *out, const char *text)
{
    bool is_ok = true;
    while (is_ok && *text) {
        const size_t n = strcspn(text, " ");
        if (n && !(text[0] >= 'A' && text[0] <= 'Z') && text[0] != '"') {
            is_ok = base_buffer_add(out, text, n) && base_buffer_add_char(out, ' ');
        }
        text += n + strspn(text + n, " ");
    }
    return is_ok;
}

/* ---- what the premise says ---- */

static bool add_known(const struct plot_world *world, struct base_buffer *out)
{
    bool is_ok =
        base_buffer_print(out, "%s . %s . %s . %s . %s", world->title, world->setting,
                          world->time, world->opening, world->synopsis);
    for (int32_t e = 0; is_ok && e < world->n_entities; e++) {
        const struct reel_entity *entity = &world->entity[e];
        is_ok = base_buffer_print(out, " . %s . %s", entity->name,
                                  entity->goal ? entity->goal : "");
        for (int32_t i = 0; is_ok && i < entity->n_aliases; i++) {
            is_ok = base_buffer_print(out, " . %s", entity->alias[i]);
        }
        for (int32_t i = 0; is_ok && i < entity->n_traits; i++) {
            is_ok = base_buffer_print(out, " . %s", entity->trait[i]);
        }
    }
    return is_ok;
}

static void keep_known(struct build *b)
{
    struct plot_checker *c = b->checker;
    struct base_buffer known;
    base_buffer_init(&known, CHECKER_BYTES_MAX);
    if (!add_known(c->world, &known)) {
        b->rc = fail(b->err, REEL_ENOMEM, "words of a premise");
    } else {
        c->known = base_arena_strdup(&c->arena, known.data);
        c->known_folded = fold_kept(b, known.data, known.n_bytes, true);
        b->rc =
            b->rc || c->known ? b->rc : fail(b->err, REEL_ENOMEM, "words of a premise");
    }
    base_buffer_release(&known);
}

/** "the letters of transit" is also found without its article. */
static const char *without_article(const char *name)
{
    return !strncmp(name, "the ", 4) || !strncmp(name, "The ", 4) ? name + 4 : name;
}

static int compare_names(const void *x, const void *y)
{
    const struct plot_name *a = x, *b = y;
    const size_t n_a = strlen(a->text), n_b = strlen(b->text);
    return n_a != n_b ? (n_a < n_b) - (n_a > n_b) : strcmp(a->text, b->text);
}

static void keep_name(struct build *b, const char *raw, int32_t entity)
{
    struct plot_checker *c = b->checker;
    char owner[256];
    snprintf(owner, sizeof owner, "%s%s", raw, c->is_zh ? "的" : "'s");
    c->name[c->n_names++] =
        (struct plot_name){fold_kept(b, raw, strlen(raw), !c->is_zh),
                           fold_kept(b, owner, strlen(owner), !c->is_zh), raw, entity};
}

static void keep_names(struct build *b)
{
    struct plot_checker *c = b->checker;
    size_t n = 0;
    for (int32_t e = 0; e < c->world->n_entities; e++) {
        n += 1 + (size_t)c->world->entity[e].n_aliases;
    }
    c->name = b->rc ? NULL : base_arena_alloc(&c->arena, n, sizeof *c->name);
    if (b->rc == REEL_OK && !c->name) {
        b->rc = fail(b->err, REEL_ENOMEM, "names of a premise");
    }
    for (int32_t e = 0; b->rc == REEL_OK && e < c->world->n_entities; e++) {
        const struct reel_entity *entity = &c->world->entity[e];
        for (int32_t i = -1; b->rc == REEL_OK && i < entity->n_aliases; i++) {
            keep_name(b, without_article(i < 0 ? entity->name : entity->alias[i]), e);
        }
    }
    if (b->rc == REEL_OK) {
        qsort(c->name, (size_t)c->n_names, sizeof *c->name, compare_names);
    }
}

/** Words that may begin a sentence: a list, and all that prompts and premise use. */
static void keep_words(struct build *b, const json_t *lists, const char *scenes)
{
    struct plot_checker *c = b->checker;
    struct base_buffer small;
    base_buffer_init(&small, CHECKER_BYTES_MAX);
    const char *starters = json_string_value(json_object_get(lists, "starters"));
    if (!add_small_words(&small, starters ? starters : "") ||
        (scenes && !add_small_words(&small, scenes))) {
        b->rc = fail(b->err, REEL_ENOMEM, "words for checks");
    }
    const char *folded = fold_kept(b, base_buffer_text(&small), small.n_bytes, true);
    if (b->rc == REEL_OK) {
        c->word.item = list_room(b, strlen(folded) + strlen(c->known_folded) + 2);
        add_words(b, &c->word, folded);
        add_words(b, &c->word, c->known_folded);
    }
    c->capital = read_list(b, json_object_get(lists, "capitals"), false);
    const struct plot_list capitals = c->capital;
    if (b->rc == REEL_OK) {
        c->capital.item = list_room(b, (size_t)capitals.n + strlen(c->known_folded) + 1);
    }
    if (b->rc == REEL_OK) {
        memcpy(c->capital.item, capitals.item,
               (size_t)capitals.n * sizeof *capitals.item);
        add_words(b, &c->capital, c->known_folded);
    }
    if (b->rc == REEL_OK) {
        qsort(c->word.item, (size_t)c->word.n, sizeof *c->word.item, compare_words);
        qsort(c->capital.item, (size_t)c->capital.n, sizeof *c->capital.item,
              compare_words);
    }
    base_buffer_release(&small);
}

/* ---- data/checks.json ---- */

static void keep_kin(struct build *b, const json_t *kin)
{
    struct plot_checker *c = b->checker;
    const char *word;
    json_t *relations;
    json_object_foreach((json_t *)kin, word, relations)
    {
        if (b->rc || c->n_kin == PLOT_KIN_MAX) {
            break;
        }
        struct plot_kin *k = &c->kin[c->n_kin++];
        k->word = fold_kept(b, word, strlen(word), !c->is_zh);
        for (size_t i = 0; i < json_array_size(relations); i++) {
            const char *name = json_string_value(json_array_get(relations, i));
            const int relation = plot_relation_find(name ? name : "");
            if (relation >= 0 && k->n_relations < 6) {
                k->relation[k->n_relations++] = relation;
            }
        }
    }
}

static bool is_among(const char *const *list, int32_t n, const char *word)
{
    int32_t i = 0;
    while (i < n && strcmp(list[i], word) != 0) {
        i++;
    }
    return i < n;
}

/** Events that last and so must be planned; and those that were ruled out. */
static void keep_cues(struct build *b, const json_t *events,
                      const struct plot_check_options *opt)
{
    static const char *const lasting[] = {"death", "killing", "suicide", "wedding",
                                          "birth"};
    struct plot_checker *c = b->checker;
    const char *name;
    json_t *phrases;
    json_object_foreach((json_t *)events, name, phrases)
    {
        if (b->rc || c->n_cues == PLOT_CUES_MAX) {
            break;
        }
        struct plot_cue *cue = &c->cue[c->n_cues++];
        cue->event = base_arena_strdup(&c->arena, name);
        cue->phrase = read_list(b, phrases, !c->is_zh);
        cue->is_death = is_among(lasting, 3, name);
        cue->is_forbidden =
            is_among(lasting, 5, name) || is_among(opt->must_not, opt->n_must_not, name);
        b->rc = b->rc || cue->event ? b->rc : fail(b->err, REEL_ENOMEM, "cues of events");
    }
}

static void keep_ages(struct build *b, const json_t *ages)
{
    struct plot_checker *c = b->checker;
    for (size_t i = 0; i < json_array_size(ages) && c->n_ages < PLOT_AGES_MAX; i++) {
        const json_t *age = json_array_get(ages, i);
        struct plot_age *to = &c->age[c->n_ages++];
        to->age = (int32_t)json_integer_value(json_object_get(age, "age"));
        to->words = read_list(b, json_object_get(age, "words"), !c->is_zh);
    }
}

static const char *keep_text(struct build *b, const json_t *lists, const char *member)
{
    const char *text = json_string_value(json_object_get(lists, member));
    const char *kept =
        b->rc ? NULL : base_arena_strdup(&b->checker->arena, text ? text : "");
    if (b->rc == REEL_OK && !kept) {
        b->rc = fail(b->err, REEL_ENOMEM, "words for checks");
    }
    return kept;
}

static void keep_lists(struct build *b, const json_t *lists,
                       const struct plot_check_options *opt)
{
    struct plot_checker *c = b->checker;
    const bool is_padded = !c->is_zh;
    const struct {
        const char *member;
        struct plot_list *list;
    } plain[] = {{"assistant", &c->assistant},
                 {"outside", &c->outside},
                 {"memory", &c->memory},
                 {"lifeless", &c->lifeless},
                 {"at", &c->at},
                 {"holds", &c->hold},
                 {"function", &c->function},
                 {"ordinary", &c->ordinary},
                 {"she", &c->she},
                 {"he", &c->he},
                 {"woman", &c->woman},
                 {"man", &c->man}};
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        *plain[i].list = read_list(b, json_object_get(lists, plain[i].member), is_padded);
    }
    c->surnames = keep_text(b, lists, "surnames");
    c->surnames_plain = keep_text(b, lists, "surnames_plain");
    c->after_name = keep_text(b, lists, "after_name");
    c->transliteration = keep_text(b, lists, "transliteration");
    keep_kin(b, json_object_get(lists, "kin"));
    keep_cues(b, json_object_get(lists, "events"), opt);
    keep_ages(b, json_object_get(lists, "age"));
}

static void keep_prompt_names(struct build *b, const struct plot_check_options *opt)
{
    struct plot_list *list = &b->checker->prompt_name;
    list->item = list_room(b, (size_t)opt->n_prompt_names);
    for (int32_t i = 0; b->rc == REEL_OK && i < opt->n_prompt_names; i++) {
        list->item[list->n++] = fold_kept(
            b, opt->prompt_name[i], strlen(opt->prompt_name[i]), !b->checker->is_zh);
    }
}

static void build_all(struct build *b, const struct plot_check_options *opt)
{
    struct plot_checker *c = b->checker;
    const struct plot_data_file *file = plot_data_find("checks.json");
    json_error_t why;
    json_t *root = file ? json_loadb(file->text, file->n_bytes, 0, &why) : NULL;
    const json_t *lists = json_object_get(root, c->world->language);
    const char *scenes = opt->prompt_scenes ? opt->prompt_scenes : "";
    if (!lists) {
        b->rc = fail(b->err, REEL_EFORMAT, "checks.json: no '%s'", c->world->language);
    } else {
        keep_known(b);
        keep_names(b);
        keep_words(b, lists, scenes);
        keep_lists(b, lists, opt);
        keep_prompt_names(b, opt);
    }
    b->rc =
        b->rc ? b->rc : plot_words_cut(c->fold, c->world->synopsis, &c->synopsis, b->err);
    b->rc = b->rc ? b->rc : plot_words_cut(c->fold, scenes, &c->scenes, b->err);
    json_decref(root);
}

enum reel_status plot_checker_create(const struct plot_world *world,
                                     const struct plot_check_options *opt,
                                     struct plot_checker **out, struct reel_error *err)
{
    *out = NULL;
    struct plot_checker *c = base_alloc_zeroed(1, sizeof *c);
    if (!c) {
        return fail(err, REEL_ENOMEM, "a checker");
    }
    base_arena_init(&c->arena, CHECKER_BYTES_MAX);
    c->world = world;
    c->is_zh = !strcmp(world->language, "zh");
    c->n_words_max = opt->n_words_max;
    c->max_age = opt->max_age;
    struct build b = {.checker = c, .err = err};
    base_buffer_init(&b.buffer, CHECKER_BYTES_MAX);
    b.rc = plot_schema_get(&c->schema, err);
    b.rc = b.rc ? b.rc : base_text_create(&c->fold, err);
    if (b.rc == REEL_OK) {
        build_all(&b, opt);
    }
    base_buffer_release(&b.buffer);
    if (b.rc) {
        plot_checker_free(c);
        return b.rc;
    }
    *out = c;
    return REEL_OK;
}

void plot_checker_free(struct plot_checker *checker)
{
    if (checker) {
        plot_words_release(&checker->synopsis);
        plot_words_release(&checker->scenes);
        base_text_free(checker->fold);
        base_arena_release(&checker->arena);
        base_free(checker);
    }
}

struct base_text *plot_checker_fold(struct plot_checker *checker)
{
    return checker->fold;
}
