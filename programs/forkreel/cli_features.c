#include "cli_features.h"
#include "cli_story.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N_FEATURES_LSA = 200, N_FEATURES_VECTOR = 64 };

/* ---- lists that own what they hold ---- */

static void *own(struct texts *texts, void *memory)
{
    if (texts->n_owned == texts->room_owned) {
        texts->room_owned = texts->room_owned ? 2 * texts->room_owned : 256;
        texts->owned = cli_need(
            realloc(texts->owned, (size_t)texts->room_owned * sizeof *texts->owned));
    }
    texts->owned[texts->n_owned++] = cli_need(memory);
    return memory;
}

static const char *own_text(struct texts *texts, const char *text)
{
    return text ? own(texts, strdup(text)) : NULL;
}

void texts_release(struct texts *texts)
{
    for (int32_t i = 0; i < texts->n_owned; i++) {
        free(texts->owned[i]);
    }
    free(texts->owned);
    free(texts->text);
    free(texts->film);
    *texts = (struct texts){0};
}

static struct reel_feature_text *add(struct texts *texts, int32_t film)
{
    if (texts->n == texts->room) {
        texts->room = texts->room ? 2 * texts->room : 256;
        texts->text =
            cli_need(realloc(texts->text, (size_t)texts->room * sizeof *texts->text));
        texts->film =
            cli_need(realloc(texts->film, (size_t)texts->room * sizeof *texts->film));
    }
    texts->film[texts->n] = film;
    texts->text[texts->n] = (struct reel_feature_text){0};
    return &texts->text[texts->n++];
}

void texts_add(struct texts *texts, int32_t film, const char *text,
               const char *translation)
{
    struct reel_feature_text *to = add(texts, film);
    to->text = own_text(texts, text);
    to->translation = own_text(texts, translation);
}

/** Names that grow; what a reel_feature_text points to once the texts own it. */
struct names {
    const char **name;
    int32_t n, room;
};

static void names_add(struct texts *texts, struct names *names, const char *name)
{
    if (!name || !*name) {
        return;
    }
    for (int32_t i = 0; i < names->n; i++) {
        if (strcmp(names->name[i], name) == 0) {
            return;
        }
    }
    if (names->n == names->room) {
        names->room = names->room ? 2 * names->room : 8;
        names->name =
            cli_need(realloc(names->name, (size_t)names->room * sizeof *names->name));
    }
    names->name[names->n++] = own_text(texts, name);
}

static const char *const *names_give(struct texts *texts, struct names *names, int32_t *n)
{
    *n = names->n;
    return names->name ? own(texts, names->name) : NULL;
}

/** A text that grows by sentences; NULL while empty. */
struct prose {
    char *text;
    size_t n, room;
};

static void prose_add(struct prose *prose, const char *sentence)
{
    const size_t n = sentence ? strlen(sentence) : 0;
    if (n == 0) {
        return;
    }
    if (prose->n + n + 2 > prose->room) {
        prose->room = 2 * (prose->n + n + 2);
        prose->text = cli_need(realloc(prose->text, prose->room));
    }
    if (prose->n) {
        prose->text[prose->n++] = '\n';
    }
    memcpy(prose->text + prose->n, sentence, n + 1);
    prose->n += n;
}

static const char *prose_give(struct texts *texts, struct prose *prose)
{
    return prose->text ? own(texts, prose->text) : NULL;
}

/* ---- a story document in words ---- */

static const char *in(const json_t *object, const char *language)
{
    return json_string_value(json_object_get(object, language));
}

/** Receives what a story says, in one language and in the other; either may be NULL. */
typedef void pair_sink(const char *en, const char *zh, void *payload);

static void list_pairs(const json_t *both, pair_sink *sink, void *payload)
{
    const json_t *en = json_object_get(both, "en"), *zh = json_object_get(both, "zh");
    const size_t n_en = json_array_size(en), n_zh = json_array_size(zh);
    for (size_t i = 0; i < n_en || i < n_zh; i++) {
        const char *a = json_string_value(json_array_get(en, i));
        const char *b = json_string_value(json_array_get(zh, i));
        // Lists of different length are not translations word by word.
        if (n_en == n_zh) {
            sink(a, b, payload);
        } else {
            sink(a, NULL, payload);
            sink(NULL, b, payload);
        }
    }
}

static void item_pairs(const json_t *list, const char *member, pair_sink *sink,
                       void *payload)
{
    size_t i;
    json_t *item;
    json_array_foreach((json_t *)(uintptr_t)list, i, item)
    {
        const json_t *both = member ? json_object_get(item, member) : item;
        sink(in(both, "en"), in(both, "zh"), payload);
    }
}

/** What a story tells, sentence by sentence; not who acted in it. */
static void story_pairs(const json_t *story, pair_sink *sink, void *payload)
{
    const json_t *title = json_object_get(story, "title");
    const json_t *setting = json_object_get(story, "setting");
    const json_t *characters = json_object_get(story, "characters");
    sink(in(title, "en"), in(title, "zh"), payload);
    sink(in(setting, "en"), in(setting, "zh"), payload);
    item_pairs(json_object_get(story, "beats"), NULL, sink, payload);
    list_pairs(json_object_get(story, "keywords"), sink, payload);
    item_pairs(json_object_get(story, "places"), NULL, sink, payload);
    item_pairs(json_object_get(story, "objects"), NULL, sink, payload);
    item_pairs(json_object_get(story, "groups"), NULL, sink, payload);
    item_pairs(characters, "goal", sink, payload);
    size_t i;
    json_t *character;
    json_array_foreach((json_t *)(uintptr_t)characters, i, character)
    {
        list_pairs(json_object_get(character, "traits"), sink, payload);
    }
}

static void people_pairs(const json_t *story, pair_sink *sink, void *payload)
{
    item_pairs(json_object_get(story, "directors"), NULL, sink, payload);
    item_pairs(json_object_get(story, "cast"), NULL, sink, payload);
}

struct both_proses {
    struct prose en, zh;
};

static void add_to_proses(const char *en, const char *zh, void *payload)
{
    struct both_proses *both = payload;
    prose_add(&both->en, en);
    prose_add(&both->zh, zh);
}

static enum reel_status story_read(int64_t film_key, const char *story, json_t **out,
                                   struct reel_error *err)
{
    json_error_t problem;
    *out = json_loads(story, 0, &problem);
    return *out ? REEL_OK
                : cli_error(err, REEL_EFORMAT, "film %lld: story: %s",
                            (long long)film_key, problem.text);
}

/* ---- films ---- */

/** While texts are gathered: one entry for each row of the film table. */
struct gathering {
    const struct session *s;
    struct texts *texts;
    struct both_proses *prose; /* (films) */
    struct names *keywords, *facts;
    const char *language;
};

static int32_t row_of(const struct gathering *g, int64_t film_key)
{
    return session_index_of(g->s->films->key, g->s->films->n_films, film_key);
}

static enum reel_status add_words(const struct reel_film_text *text, void *payload,
                                  struct reel_error *err)
{
    struct gathering *g = payload;
    const int32_t row = row_of(g, text->film);
    if (row < 0) {
        return REEL_OK;
    }
    struct both_proses *both = &g->prose[row];
    prose_add(&both->en, text->tagline);
    json_t *story = NULL;
    if (text->story) {
        const enum reel_status rc = story_read(text->film, text->story, &story, err);
        if (rc) {
            return rc;
        }
        story_pairs(story, add_to_proses, both);
    }
    // A film of the catalogue has its beats as overview, too.
    const json_t *beat = json_array_get(json_object_get(story, "beats"), 0);
    const char *first = in(beat, "en");
    if (!first || !text->overview || !strstr(text->overview, first)) {
        prose_add(&both->en, text->overview);
    }
    json_decref(story);
    return REEL_OK;
}

static enum reel_status add_tag(const struct reel_note *note, void *payload,
                                struct reel_error *err)
{
    struct gathering *g = payload;
    const int32_t row = row_of(g, note->film);
    (void)err;
    if (row >= 0 && note->kind == REEL_EVENT_TAG) {
        names_add(g->texts, &g->keywords[row], note->text);
    }
    return REEL_OK;
}

static enum reel_status add_fact(int64_t film_key, const char *relation, const char *tail,
                                 void *payload, struct reel_error *err)
{
    struct gathering *g = payload;
    const int32_t row = row_of(g, film_key);
    (void)err;
    if (row >= 0) {
        char *fact = cli_format("%s %s", relation, tail);
        names_add(g->texts, &g->facts[row], fact);
        free(fact);
    }
    return REEL_OK;
}

static const char *const *row_names(struct texts *texts, const struct reel_csr *links,
                                    const char *const *name, int32_t row, int32_t *n)
{
    struct names names = {0};
    for (int64_t e = links->start[row]; e < links->start[row + 1]; e++) {
        names_add(texts, &names, name[links->col[e]]);
    }
    return names_give(texts, &names, n);
}

static void finish_film(struct gathering *g, int32_t row)
{
    const struct reel_film_table *films = g->s->films;
    struct texts *texts = g->texts;
    struct reel_feature_text *text = add(texts, row);
    for (int64_t e = films->keywords.start[row]; e < films->keywords.start[row + 1];
         e++) {
        names_add(texts, &g->keywords[row], films->keyword_name[films->keywords.col[e]]);
    }
    text->text = prose_give(texts, &g->prose[row].en);
    text->translation = prose_give(texts, &g->prose[row].zh);
    text->people =
        row_names(texts, &films->people, films->people_name, row, &text->n_people);
    text->genres =
        row_names(texts, &films->genres, films->genre_name, row, &text->n_genres);
    text->keywords = names_give(texts, &g->keywords[row], &text->n_keywords);
    text->facts = names_give(texts, &g->facts[row], &text->n_facts);
    text->year = films->year[row];
}

enum reel_status texts_of_films(const struct session *s, struct texts *out,
                                struct reel_error *err)
{
    const int32_t n = s->films->n_films;
    const size_t n_rows = (size_t)n + 1;
    struct gathering g = {.s = s,
                          .texts = out,
                          .prose = cli_need(calloc(n_rows, sizeof *g.prose)),
                          .keywords = cli_need(calloc(n_rows, sizeof *g.keywords)),
                          .facts = cli_need(calloc(n_rows, sizeof *g.facts))};
    *out = (struct texts){0};
    for (int32_t row = 0; row < n; row++) {
        prose_add(&g.prose[row].en, s->films->title[row]);
        prose_add(&g.prose[row].zh, s->films->title_zh[row]);
    }
    enum reel_status rc = reel_store_texts_each(s->store, add_words, &g, err);
    rc = rc ? rc : reel_store_notes_each(s->store, 0, add_tag, &g, err);
    rc = rc ? rc : reel_store_facts_each(s->store, add_fact, &g, err);
    // Also after a failure: what was gathered so far belongs to the texts then.
    for (int32_t row = 0; row < n; row++) {
        finish_film(&g, row);
    }
    free(g.prose);
    free(g.keywords);
    free(g.facts);
    if (rc) {
        texts_release(out);
    }
    return rc;
}

/* ---- stories in one language, and the bridge between two ---- */

struct both_names {
    struct texts *texts;
    struct names en, zh;
};

static void add_to_names(const char *en, const char *zh, void *payload)
{
    struct both_names *both = payload;
    names_add(both->texts, &both->en, en);
    names_add(both->texts, &both->zh, zh);
}

static enum reel_status add_story(int64_t film_key, const char *document, void *payload,
                                  struct reel_error *err)
{
    struct gathering *g = payload;
    const int32_t row = row_of(g, film_key);
    json_t *story;
    const enum reel_status rc = story_read(film_key, document, &story, err);
    if (rc || row < 0) {
        return rc;
    }
    struct both_proses prose = {0};
    struct both_names people = {.texts = g->texts}, keywords = {.texts = g->texts};
    const bool is_zh = strcmp(g->language, "zh") == 0;
    story_pairs(story, add_to_proses, &prose);
    people_pairs(story, add_to_names, &people);
    list_pairs(json_object_get(story, "keywords"), add_to_names, &keywords);
    struct reel_feature_text *text = add(g->texts, row);
    text->text = prose_give(g->texts, is_zh ? &prose.zh : &prose.en);
    text->people = names_give(g->texts, is_zh ? &people.zh : &people.en, &text->n_people);
    text->keywords =
        names_give(g->texts, is_zh ? &keywords.zh : &keywords.en, &text->n_keywords);
    free(is_zh ? prose.en.text : prose.zh.text);
    free(is_zh ? people.en.name : people.zh.name);
    free(is_zh ? keywords.en.name : keywords.zh.name);
    json_decref(story);
    return REEL_OK;
}

enum reel_status texts_of_stories(const struct session *s, const char *language,
                                  struct texts *out, struct reel_error *err)
{
    struct gathering g = {.s = s, .texts = out, .language = language};
    *out = (struct texts){0};
    const enum reel_status rc = reel_store_stories_each(s->store, add_story, &g, err);
    if (rc) {
        texts_release(out);
    }
    return rc;
}

struct bridge {
    struct gathering *g;
    int32_t row;
};

static void add_pair(const char *en, const char *zh, void *payload)
{
    struct bridge *bridge = payload;
    if (en && zh && *en && *zh) {
        texts_add(bridge->g->texts, bridge->row, en, zh);
    }
}

static enum reel_status add_bridge(int64_t film_key, const char *document, void *payload,
                                   struct reel_error *err)
{
    struct bridge bridge = {payload, row_of(payload, film_key)};
    json_t *story;
    const enum reel_status rc = story_read(film_key, document, &story, err);
    if (rc == REEL_OK) {
        story_pairs(story, add_pair, &bridge);
        people_pairs(story, add_pair, &bridge);
        json_decref(story);
    }
    return rc;
}

enum reel_status texts_of_bridge(const struct session *s, struct texts *out,
                                 struct reel_error *err)
{
    struct gathering g = {.s = s, .texts = out};
    *out = (struct texts){0};
    const enum reel_status rc = reel_store_stories_each(s->store, add_bridge, &g, err);
    if (rc) {
        texts_release(out);
    }
    return rc;
}

/* ---- what reviews feel ---- */

/** The latest review of every entry of a history that has one. */
struct reviews {
    const struct reel_history *history;
    struct texts texts; /* `film` holds the entry */
};

static int64_t entry_of(const struct reel_history *history, int64_t viewer_key,
                        int64_t film_key)
{
    const int32_t row =
        session_index_of(history->viewer_key, history->n_viewers, viewer_key);
    const int32_t film = session_index_of(history->film_key, history->n_films, film_key);
    for (int64_t e = row < 0 ? 0 : history->seen.start[row];
         row >= 0 && e < history->seen.start[row + 1]; e++) {
        if (history->seen.col[e] == film) {
            return e;
        }
    }
    return -1;
}

static enum reel_status add_review(const struct reel_note *note, void *payload,
                                   struct reel_error *err)
{
    struct reviews *r = payload;
    (void)err;
    const int64_t entry = note->kind == REEL_EVENT_REVIEW
                              ? entry_of(r->history, note->viewer, note->film)
                              : -1;
    if (entry < 0 || entry > INT32_MAX) {
        return REEL_OK;
    }
    // Notes come by viewer, film and time: a later one of the same film replaces the last.
    if (r->texts.n > 0 && r->texts.film[r->texts.n - 1] == entry) {
        r->texts.n--;
    }
    texts_add(&r->texts, (int32_t)entry, note->text, NULL);
    return REEL_OK;
}

/** Learned from the reviews that have stars; NULL, and no error, where they do not suffice. */
static enum reel_status sentiment_learn(const struct reviews *r,
                                        struct reel_sentiment **out,
                                        struct reel_error *err)
{
    const char **text = cli_need(malloc(((size_t)r->texts.n + 1) * sizeof *text));
    float *given = cli_need(malloc(((size_t)r->texts.n + 1) * sizeof *given));
    int32_t n = 0;
    for (int32_t i = 0; i < r->texts.n; i++) {
        given[n] = r->history->seen.value[r->texts.film[i]];
        text[n] = r->texts.text[i].text;
        n += !isnan(given[n]);
    }
    const enum reel_status rc = reel_sentiment_fit(text, given, n, out, err);
    free(text);
    free(given);
    return rc == REEL_EINVAL ? REEL_OK : rc;
}

/** The same from everybody's reviews, whomever the session is about. */
static enum reel_status sentiment_of_all(const struct session *s,
                                         struct reel_sentiment **out,
                                         struct reel_error *err)
{
    struct reel_history all = {0};
    struct reviews r = {.history = &all};
    enum reel_status rc = reel_store_history_load(s->store, 0, &all, err);
    rc = rc ? rc : reel_store_notes_each(s->store, 0, add_review, &r, err);
    rc = rc ? rc : sentiment_learn(&r, out, err);
    texts_release(&r.texts);
    reel_history_release(&all);
    return rc;
}

struct forgetting {
    const struct session *s;
    float *stars;
};

/** What a viewer wants forgotten is not read out of their words, either. */
static void forget_guess(int64_t viewer_key, int64_t film_key, void *payload)
{
    const struct forgetting *f = payload;
    const int64_t entry = entry_of(&f->s->history, viewer_key, film_key);
    if (entry >= 0) {
        f->stars[entry] = NAN;
    }
}

static enum reel_status guess_stars(const struct session *s, const struct reviews *r,
                                    float *stars, struct reel_error *err)
{
    struct reel_sentiment *sentiment = NULL;
    struct forgetting forgetting = {s, stars};
    enum reel_status rc = sentiment_of_all(s, &sentiment, err);
    for (int32_t i = 0; rc == REEL_OK && sentiment && i < r->texts.n; i++) {
        float *guess = &stars[r->texts.film[i]];
        if (isnan(*guess)) {
            double found = NAN, sd;
            rc = reel_sentiment_stars(sentiment, r->texts.text[i].text, &found, &sd, err);
            *guess = (float)found;
        }
    }
    reel_sentiment_free(sentiment);
    return rc ? rc
              : reel_store_forgotten_each(s->store, 0, forget_guess, &forgetting, err);
}

enum reel_status texts_review_stars(const struct session *s, float *stars,
                                    struct reel_error *err)
{
    const struct reel_csr *seen = &s->history.seen;
    const int64_t only = s->history.n_viewers == 1 ? s->history.viewer_key[0] : 0;
    struct reviews r = {.history = &s->history};
    enum reel_status rc = reel_store_notes_each(s->store, only, add_review, &r, err);
    bool is_wanted = false;
    for (int64_t e = 0; e < seen->start[seen->n_rows]; e++) {
        stars[e] = seen->value[e];
    }
    for (int32_t i = 0; i < r.texts.n; i++) {
        is_wanted |= isnan(stars[r.texts.film[i]]);
    }
    if (rc == REEL_OK && is_wanted) {
        rc = guess_stars(s, &r, stars, err);
    }
    texts_release(&r.texts);
    return rc;
}

/* ---- the extractor ---- */

struct reel_features_options features_options(struct cli *cli, const struct texts *bridge,
                                              uint64_t seed)
{
    struct reel_features_options opt = reel_features_options_default();
    opt.n_lsa = N_FEATURES_LSA;
    opt.n_vector = N_FEATURES_VECTOR;
    opt.seed = seed;
    opt.n_threads = cli->n_threads;
    opt.progress = cli_progress(cli);
    if (bridge) {
        opt.bridge = bridge->text;
        opt.n_bridge = bridge->n;
    }
    return opt;
}

enum reel_status features_fit(struct cli *cli, const struct texts *films,
                              const struct texts *bridge, uint64_t seed,
                              struct reel_features **out, struct reel_error *err)
{
    const struct reel_features_options opt = features_options(cli, bridge, seed);
    char *path = session_model_path(cli, "features");
    *out = NULL;
    enum reel_status rc = story_folder_make(cli, "models", err);
    rc = rc ? rc : reel_features_fit(films->text, films->n, &opt, out, err);
    rc = rc ? rc : reel_features_save(*out, path, err);
    reel_progress_bar_clear(&cli->bar);
    if (rc) {
        reel_features_free(*out);
        *out = NULL;
    }
    free(path);
    return rc;
}

enum reel_status features_open(const struct cli *cli, struct reel_features **out,
                               struct reel_error *err)
{
    char *path = session_model_path(cli, "features");
    enum reel_status rc = reel_features_open(path, out, err);
    if (rc == REEL_ENOTFOUND) {
        rc = cli_error(err, REEL_EFAIL, "%s",
                       tr("no texts are known yet; run 'forkreel train'"));
    }
    free(path);
    return rc;
}

enum reel_status features_rows(const struct reel_features *features,
                               const struct texts *texts, const int32_t *pick, int32_t n,
                               struct reel_feature_rows *out, struct reel_error *err)
{
    if (!pick) {
        return reel_features_rows(features, texts->text, texts->n, out, err);
    }
    struct reel_feature_text *text = cli_need(calloc((size_t)n + 1, sizeof *text));
    for (int32_t i = 0; i < n; i++) {
        text[i] = texts->text[pick[i]];
    }
    const enum reel_status rc = reel_features_rows(features, text, n, out, err);
    free(text);
    return rc;
}
