/**
 * A person's own opening becomes a premise document (docs/catalogue.md): the rules find
 * names, the model is asked who they are and what they want. What it says is outside input:
 * a line that is not "name | who | wants", or whose name does not stand in the text, is
 * passed over.
 */
#include "plot_premise.h"

#include "base_alloc.h"
#include "base_buffer.h"
#include "base_error.h"
#include "base_text.h"

#include <jansson.h>

#include <string.h>

enum {
    PREMISE_BYTES_MAX = 64 << 10, /* of a text of one's own */
    ASKED_BYTES_MAX = 2000,       /* of it, shown to the model */
    TITLE_BYTES_MAX = 90,
    WHO_BYTES_MAX = 100,
    GOAL_BYTES_MAX = 160,
};

static bool is_chinese(const struct premise_draft *d)
{
    return d->language[0] == 'z';
}

/* ---- relations that the text spells out ---- */

static const struct {
    const char *word, *is;
    bool is_turned; /* "A's father B": B is the parent */
} kinships[] = {
    {"brother", "sibling", false}, {"sister", "sibling", false},
    {"wife", "married", false},    {"husband", "married", false},
    {"friend", "friend", false},   {"father", "parent", true},
    {"mother", "parent", true},    {"son", "parent", false},
    {"daughter", "parent", false}, {"boss", "boss", true},
    {"rival", "rival", false},     {"enemy", "enemy", false},
    {"lover", "lovers", false},    {"partner", "colleague", false},
    {"妻子", "married", false},    {"丈夫", "married", false},
    {"哥哥", "sibling", false},    {"弟弟", "sibling", false},
    {"姐姐", "sibling", false},    {"妹妹", "sibling", false},
    {"父亲", "parent", true},      {"母亲", "parent", true},
    {"儿子", "parent", false},     {"女儿", "parent", false},
    {"朋友", "friend", false},     {"老板", "boss", true},
    {"仇人", "enemy", false},      {"恋人", "lovers", false},
    {"同事", "colleague", false},  {"师父", "mentor", true},
    {"徒弟", "mentor", false},     {"对手", "rival", false},
};

static bool stands_at(const char *at, const char *word, size_t *n)
{
    *n = word ? strlen(word) : 0;
    return *n > 0 && strncmp(at, word, *n) == 0;
}

/** The person who is named at `at`; -1 none. */
static int32_t person_at(const struct premise_draft *d, const char *at, size_t *n_bytes)
{
    int32_t best = -1;
    *n_bytes = 0;
    for (int32_t i = 0; i < d->n_found; i++) {
        const struct premise_found *f = &d->found[i];
        size_t n;
        if (f->kind != REEL_ENTITY_PERSON) {
            continue;
        }
        if ((stands_at(at, f->name, &n) || stands_at(at, f->alias, &n)) && n > *n_bytes) {
            *n_bytes = n;
            best = i;
        }
    }
    return best;
}

static void find_relations(struct premise_draft *d)
{
    const char *of = is_chinese(d) ? "的" : "'s ";
    for (const char *at = d->text; *at; at++) {
        size_t n_a, n_b, n_word, n_of;
        const int32_t a = person_at(d, at, &n_a);
        if (a < 0 || !stands_at(at + n_a, of, &n_of)) {
            continue;
        }
        const char *here = at + n_a + n_of;
        for (size_t k = 0; k < sizeof kinships / sizeof *kinships; k++) {
            if (!stands_at(here, kinships[k].word, &n_word)) {
                continue;
            }
            const char *rest = here + n_word;
            rest += strspn(rest, ", ");
            const int32_t b = person_at(d, rest, &n_b);
            if (b >= 0 && b != a && d->n_relations < PREMISE_FOUND_MAX) {
                d->relation[d->n_relations++] =
                    (struct premise_relation){.from = kinships[k].is_turned ? b : a,
                                              .to = kinships[k].is_turned ? a : b,
                                              .is = kinships[k].is};
            }
        }
    }
}

/* ---- the model's part ---- */

static const char ask_en[] = "Opening: Late at night old Marta finds a wounded stranger "
                             "in her barn. He begs her to "
                             "hide him from the police until morning.\n"
                             "People (name | who | wants):\n"
                             "Marta | an old farmer | to do what is right\n"
                             "stranger | a wounded fugitive | to reach the border\n"
                             "\n"
                             "Opening: The day the circus leaves town, Leo finds his "
                             "brother's trumpet in the mud, and "
                             "Ada, who walks the rope, will not say where he is.\n"
                             "People (name | who | wants):\n"
                             "Leo | a boy of fifteen | to find his brother\n"
                             "Ada | a rope dancer | to keep a promise\n"
                             "\n"
                             "Opening: ";
static const char ask_zh[] =
    "开头：深夜，马老太在谷仓里发现一个受伤的陌生人。陌生人求她把自己藏到天亮。\n"
    "人物（名字|是谁|想要什么）：\n"
    "马老太|年老的农妇|做对得起良心的事\n"
    "陌生人|受伤的逃犯|逃到边境那边去\n"
    "\n"
    "开头：马戏团离开镇子那天，小罗在泥里捡到哥哥的小号，走钢丝的阿黛却不肯说哥哥去了哪里"
    "。\n"
    "人物（名字|是谁|想要什么）：\n"
    "小罗|十五岁的少年|找到哥哥\n"
    "阿黛|走钢丝的姑娘|守住一个承诺\n"
    "\n"
    "开头：";

static void trim(const char **text, size_t *n)
{
    while (*n > 0 && strchr(" \t\r", **text)) {
        (*text)++;
        (*n)--;
    }
    while (*n > 0 && strchr(" \t\r.", (*text)[*n - 1])) {
        (*n)--;
    }
}

/** In the text's language, of a sensible length, without control characters. */
static bool is_usable(const struct premise_draft *d, const char *text, size_t n,
                      size_t max)
{
    size_t n_latin = 0, n_other = 0;
    size_t bad = 0;
    if (n < 2 || n > max || !base_utf8_check(text, n, &bad)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        const unsigned char c = (unsigned char)text[i];
        if (c < 0x20 || c == '<' || c == '{' || c == '[') {
            return false;
        }
        n_latin += (c | 32) >= 'a' && (c | 32) <= 'z';
        n_other += c >= 0xe3 && c <= 0xe9;
    }
    return is_chinese(d) ? n_latin == 0 && n_other > 0 : n_other == 0 && n_latin > 0;
}

static const char *keep(struct premise_draft *d, const char *text, size_t n)
{
    char *kept = base_arena_strndup(d->arena, text, n);
    d->is_out_of_memory |= !kept;
    return kept;
}

/** "name | who | wants" */
static void take_line(struct premise_draft *d, const char *line, size_t n_line)
{
    const char *part[3] = {line, NULL, NULL};
    size_t n[3] = {0};
    int n_parts = 0;
    for (size_t i = 0; i <= n_line; i++) {
        if (i == n_line || line[i] == '|') {
            n[n_parts] = (size_t)(line + i - part[n_parts]);
            if (++n_parts == 3 || i == n_line) {
                // a fourth part would stand behind a bar that is left over
                if (i < n_line) {
                    return;
                }
                break;
            }
            part[n_parts] = line + i + 1;
        }
    }
    for (int i = 0; i < n_parts; i++) {
        trim(&part[i], &n[i]);
    }
    if (n_parts != 3 || !is_usable(d, part[0], n[0], 60) ||
        !is_usable(d, part[1], n[1], WHO_BYTES_MAX) ||
        !is_usable(d, part[2], n[2], GOAL_BYTES_MAX)) {
        return;
    }
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)n[0], part[0]);
    const char *at = strstr(d->text, name);
    if (!at) {
        return; // nobody of that name is in the text
    }
    size_t n_name;
    int32_t i = plot_premise_find(d, name, n[0]);
    char with_article[80];
    if (i < 0 && !is_chinese(d)) {
        snprintf(with_article, sizeof with_article, "the %s", name);
        i = plot_premise_find(d, with_article, strlen(with_article));
    }
    i = i < 0 ? person_at(d, at, &n_name) : i;
    i = i < 0 ? plot_premise_add(d, REEL_ENTITY_PERSON, REEL_SOURCE_MODEL, name, n[0],
                                 (size_t)(at - d->text))
              : i;
    if (i >= 0 && d->found[i].kind == REEL_ENTITY_PERSON && !d->found[i].goal) {
        d->found[i].trait = keep(d, part[1], n[1]);
        d->found[i].goal = keep(d, part[2], n[2]);
    }
}

static enum reel_status ask_model(struct premise_draft *d, struct reel_lm *lm,
                                  struct reel_error *err)
{
    static const char *const stops[] = {"\n\n", "Opening:", "开头："};
    struct base_buffer asked;
    base_buffer_init(&asked, 16 << 10);
    size_t n = strlen(d->text);
    n = n < ASKED_BYTES_MAX ? n : ASKED_BYTES_MAX;
    while (n > 0 && ((unsigned char)d->text[n] & 0xc0) == 0x80) {
        n--;
    }
    bool is_ok = base_buffer_add_text(&asked, is_chinese(d) ? ask_zh : ask_en);
    for (size_t i = 0; is_ok && i < n; i++) { // a blank line would end the question
        is_ok = base_buffer_add_char(&asked, d->text[i] == '\n' ? ' ' : d->text[i]);
    }
    is_ok = is_ok && base_buffer_add_text(
                         &asked, is_chinese(d) ? "\n人物（名字|是谁|想要什么）：\n"
                                               : "\nPeople (name | who | wants):\n");
    struct reel_lm_prompt prompt = {.text = base_buffer_text(&asked), .n_samples = 1};
    struct reel_lm_request request = reel_lm_request_default();
    request.prompt = &prompt;
    request.n_prompts = 1;
    request.n_tokens_max = 160;
    request.temperature = 0;
    request.stop = stops;
    request.n_stops = 3;
    struct reel_lm_reply reply = {0};
    const enum reel_status rc = is_ok ? reel_lm_generate(lm, &request, &reply, err)
                                      : fail(err, REEL_ENOMEM, "premise: out of memory");
    if (rc == REEL_OK) {
        for (const char *line = reply.n_samples > 0 ? reply.sample[0].text : ""; *line;) {
            const size_t n_line = strcspn(line, "\n");
            take_line(d, line, n_line);
            line += n_line + (line[n_line] == '\n');
        }
        reel_lm_reply_release(&reply);
    }
    base_buffer_release(&asked);
    return rc;
}

/* ---- the document ---- */

static const char *source_name(enum reel_source source)
{
    return source == REEL_SOURCE_MODEL ? "model" : "rule";
}

/** {"en": text}; NULL out of memory. */
static json_t *in_language(const struct premise_draft *d, const char *text)
{
    return json_pack("{s:s}", d->language, text);
}

static void id_print(const struct premise_draft *d, int32_t i, char *id, size_t n)
{
    static const char *const kinds[] = {"", "person", "place", "object", "group"};
    int nth = 1;
    for (int32_t k = 0; k < i; k++) {
        nth += d->found[k].kind == d->found[i].kind;
    }
    snprintf(id, n, "%s%d", kinds[d->found[i].kind], nth);
}

static json_t *relations_json(const struct premise_draft *d, int32_t i)
{
    json_t *list = json_array();
    for (int32_t k = 0; list && k < d->n_relations; k++) {
        char to[32];
        id_print(d, d->relation[k].to, to, sizeof to);
        if (d->relation[k].from == i &&
            json_array_append_new(list,
                                  json_pack("{s:s,s:s,s:s}", "is", d->relation[k].is,
                                            "to", to, "source", "rule"))) {
            json_decref(list);
            list = NULL;
        }
    }
    return list;
}

/** Steals `value`; false when there is none or no room. */
static bool set(json_t *object, const char *key, json_t *value)
{
    return object && value && json_object_set_new(object, key, value) == 0;
}

static json_t *person_json(const struct premise_draft *d, int32_t i, bool is_lead)
{
    const struct premise_found *f = &d->found[i];
    const char *gender = f->n_m > f->n_f ? "m" : f->n_f > f->n_m ? "f" : "n";
    char id[32], place[32];
    id_print(d, i, id, sizeof id);
    json_t *person =
        json_pack("{s:s,s:o,s:s,s:s,s:s}", "id", id, "name", in_language(d, f->name),
                  "gender", gender, "role", is_lead ? "protagonist" : "other", "source",
                  source_name(f->source));
    bool is_ok = person != NULL;
    if (is_ok && f->alias) {
        is_ok = set(person, "alias", json_pack("{s:[s]}", d->language, f->alias));
    }
    if (is_ok && f->trait) {
        is_ok = set(person, "traits", json_pack("{s:[s]}", d->language, f->trait));
    }
    if (is_ok && f->goal) {
        is_ok = set(person, "goal", in_language(d, f->goal));
    }
    if (is_ok && f->place >= 0) {
        id_print(d, f->place, place, sizeof place);
        is_ok = set(person, "at", json_string(place));
    }
    is_ok = is_ok && set(person, "relations", relations_json(d, i));
    if (!is_ok) {
        json_decref(person);
        return NULL;
    }
    return person;
}

static json_t *list_json(const struct premise_draft *d, enum reel_entity_kind kind,
                         int32_t lead)
{
    json_t *list = json_array();
    for (int32_t i = 0; list && i < d->n_found; i++) {
        const struct premise_found *f = &d->found[i];
        char id[32];
        id_print(d, i, id, sizeof id);
        if (f->kind == kind &&
            json_array_append_new(list, kind == REEL_ENTITY_PERSON
                                            ? person_json(d, i, i == lead)
                                            : json_pack("{s:s,s:s,s:s}", "id", id,
                                                        d->language, f->name, "source",
                                                        source_name(f->source)))) {
            json_decref(list);
            list = NULL;
        }
    }
    return list;
}

/** Who is named most, whoever comes first three times more; the earlier one of equals. */
static int32_t find_lead(const struct premise_draft *d)
{
    int32_t lead = -1, n_most = 0;
    for (int32_t i = 0; i < d->n_found; i++) {
        const struct premise_found *f = &d->found[i];
        const int32_t n = f->n_seen + (lead < 0 ? 3 : 0);
        if (f->kind == REEL_ENTITY_PERSON && n > n_most) {
            n_most = n;
            lead = i;
        }
    }
    return lead;
}

/** A first line of its own without a full stop is a title; gives where the story begins. */
static const char *find_title(struct premise_draft *d, const char *text,
                              const char **title)
{
    const size_t n = strcspn(text, "\n");
    *title = NULL;
    if (n == 0 || n > TITLE_BYTES_MAX || !text[n] || strchr(".!?,;:", text[n - 1]) ||
        (n >= 3 && (!memcmp(text + n - 3, "。", 3) || !memcmp(text + n - 3, "，", 3) ||
                    !memcmp(text + n - 3, "！", 3) || !memcmp(text + n - 3, "？", 3)))) {
        return text;
    }
    const char *rest = text + n + strspn(text + n, " \t\r\n");
    if (!*rest) {
        return text;
    }
    *title = keep(d, text, n);
    return rest;
}

static enum reel_status write_document(const struct premise_draft *d, const char *title,
                                       char **json, struct reel_error *err)
{
    const int32_t lead = find_lead(d);
    json_t *root = json_object();
    const bool is_ok =
        set(root, "forkreel_premise", json_integer(1)) &&
        set(root, "title", in_language(d, title ? title : d->found[lead].name)) &&
        set(root, "opening", in_language(d, d->text)) &&
        set(root, "places", list_json(d, REEL_ENTITY_PLACE, -1)) &&
        set(root, "objects", list_json(d, REEL_ENTITY_OBJECT, -1)) &&
        set(root, "characters", list_json(d, REEL_ENTITY_PERSON, lead));
    char *text = is_ok ? json_dumps(root, JSON_COMPACT) : NULL;
    json_decref(root);
    *json = text ? base_strdup(text) : NULL;
    json_free_t give_back = NULL;
    json_get_alloc_funcs(NULL, &give_back);
    give_back(text);
    return *json ? REEL_OK : fail(err, REEL_ENOMEM, "premise: out of memory");
}

static enum reel_status read_text(struct premise_draft *d, const char *text,
                                  struct reel_lm *lm, char **json, struct reel_error *err)
{
    const char *title;
    d->text = find_title(d, text, &title);
    char *trimmed = base_arena_strdup(d->arena, d->text);
    if (!trimmed) {
        return fail(err, REEL_ENOMEM, "premise: out of memory");
    }
    size_t n = strlen(trimmed);
    while (n > 0 && strchr(" \t\r\n", trimmed[n - 1])) {
        trimmed[--n] = '\0';
    }
    d->text = trimmed;
    if (is_chinese(d)) {
        plot_premise_rules_zh(d);
    } else {
        plot_premise_rules_en(d);
    }
    const enum reel_status rc = lm ? ask_model(d, lm, err) : REEL_OK;
    if (rc != REEL_OK) {
        return rc;
    }
    find_relations(d);
    if (d->is_out_of_memory) {
        return fail(err, REEL_ENOMEM, "premise: out of memory");
    }
    return find_lead(d) < 0
               ? fail(err, REEL_EFORMAT, "premise: nobody is found in \"%.60s\"", d->text)
               : write_document(d, title, json, err);
}

enum reel_status reel_premise_from_text(const char *text, const char *language,
                                        struct reel_lm *lm, char **json,
                                        struct reel_error *err)
{
    *json = NULL;
    if (strcmp(language, "en") != 0 && strcmp(language, "zh") != 0) {
        return fail(err, REEL_EINVAL, "language '%.20s' is not en or zh", language);
    }
    const size_t n = strlen(text);
    size_t bad = 0;
    if (n > PREMISE_BYTES_MAX) {
        return fail(err, REEL_EFORMAT, "premise: %zu bytes, more than %d", n,
                    PREMISE_BYTES_MAX);
    }
    if (!base_utf8_check(text, n, &bad)) {
        return fail(err, REEL_EFORMAT, "premise: byte %zu is no UTF-8", bad);
    }
    text += strspn(text, " \t\r\n");
    if (!*text) {
        return fail(err, REEL_EFORMAT, "premise: empty");
    }
    struct base_arena arena;
    base_arena_init(&arena, 4 << 20);
    struct premise_draft *d = base_alloc_zeroed(1, sizeof *d);
    enum reel_status rc = REEL_OK;
    if (d) {
        d->language = language;
        d->arena = &arena;
        rc = read_text(d, text, lm, json, err);
    } else {
        rc = fail(err, REEL_ENOMEM, "premise: out of memory");
    }
    base_free(d);
    base_arena_release(&arena);
    return rc;
}

void reel_text_free(char *text)
{
    base_free(text);
}
