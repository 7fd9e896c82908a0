/**
 * What a reader told its sink, as lines of text that a test can compare:
 *
 *     film tmdb:603 "The Matrix" (1999) imdb=tt0133093 genres=Action,Science Fiction
 *     rate ann tmdb:603 "The Matrix" (1999) 4.5 @1700000000
 *     refused ratings.json:3 item 2: rating: 11 is not in 1 .. 10
 *
 * What a record does not say is not printed. A reading that fails adds "failed: TEXT".
 */
#ifndef CATALOG_TOLD_H
#define CATALOG_TOLD_H

#include "unit.h"

#include "catalog_read.h"

#include "base_alloc.h"
#include "base_buffer.h"

struct told {
    struct base_buffer text;
    bool is_cut; // there was no memory for all of it
    struct reel_error err;
    enum reel_status rc;
};

static inline void told_print(struct told *told, const char *format, ...)
    REEL_PRINTF(2, 3);
static inline void told_print(struct told *told, const char *format, ...)
{
    char text[4096];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    told->is_cut |= !base_buffer_add_text(&told->text, text);
}

static inline void told_ref(struct told *told, const struct reel_film_ref *ref)
{
    if (ref->id) {
        told_print(told, " %s:%s", ref->source, ref->id);
    }
    if (ref->title) {
        told_print(told, " \"%s\"", ref->title);
    }
    if (ref->year) {
        told_print(told, " (%d)", ref->year);
    }
    if (ref->imdb) {
        told_print(told, " imdb=%s", ref->imdb);
    }
    if (ref->tmdb) {
        told_print(told, " tmdb=%lld", (long long)ref->tmdb);
    }
    if (ref->douban) {
        told_print(told, " douban=%s", ref->douban);
    }
}

static inline void told_text(struct told *told, const char *name, const char *text)
{
    if (text) {
        told_print(told, " %s=%s", name, text);
    }
}

static inline void told_list(struct told *told, const char *name, const char *const *item,
                             int32_t n)
{
    for (int32_t i = 0; i < n; i++) {
        told_print(told, "%s%s%s", i ? "," : " ", i ? "" : name, i ? "" : "=");
        told_print(told, "%s", item[i]);
    }
}

static inline enum reel_status told_film(const struct reel_film *film,
                                         const struct reel_where *where, void *payload,
                                         struct reel_error *err)
{
    static const char *const role[] = {"", "director", "writer", "actor", "other"};
    struct told *told = payload;
    (void)where, (void)err;
    told_print(told, "film");
    told_ref(told, &film->ref);
    told_text(told, "original", film->title_original);
    told_text(told, "language", film->language);
    told_text(told, "overview", film->overview);
    told_text(told, "tagline", film->tagline);
    told_text(told, "age", film->age_rating);
    if (film->runtime_min) {
        told_print(told, " runtime=%d", film->runtime_min);
    }
    if (!isnan(film->popularity)) {
        told_print(told, " popularity=%g", film->popularity);
    }
    if (!isnan(film->vote_mean)) {
        told_print(told, " mean=%g", film->vote_mean);
    }
    if (film->n_votes) {
        told_print(told, " votes=%lld", (long long)film->n_votes);
    }
    for (int32_t i = 0; i < film->n_titles; i++) {
        told_print(told, " [%s %s]",
                   film->titles[i].language ? film->titles[i].language : "?",
                   film->titles[i].text);
    }
    told_list(told, "genres", film->genres, film->n_genres);
    told_list(told, "keywords", film->keywords, film->n_keywords);
    told_list(told, "countries", film->countries, film->n_countries);
    for (int32_t i = 0; i < film->n_people; i++) {
        told_print(told, " %s=%s", role[film->people[i].role], film->people[i].name);
        if (film->people[i].character) {
            told_print(told, "(%s)", film->people[i].character);
        }
    }
    for (int32_t i = 0; i < film->n_links; i++) {
        told_print(told, " <%s %s>", film->links[i].site, film->links[i].value);
    }
    told_print(told, "\n");
    return REEL_OK;
}

static inline enum reel_status told_event(const struct reel_event *event,
                                          const struct reel_where *where, void *payload,
                                          struct reel_error *err)
{
    static const char *const kind[] = {"",        "rate", "watch", "like",
                                       "dislike", "wish", "tag",   "review"};
    struct told *told = payload;
    (void)where, (void)err;
    assert_non_null(event->viewer);
    assert_true(event->viewer[0] != '\0');
    told_print(told, "%s %s", kind[event->kind], event->viewer);
    told_ref(told, &event->film);
    if (!isnan(event->value)) {
        told_print(told, " %g", event->value);
    }
    if (event->at_s != REEL_TIME_UNKNOWN) {
        told_print(told, " @%lld", (long long)event->at_s);
    }
    told_text(told, "text", event->text);
    told_print(told, "\n");
    return REEL_OK;
}

static inline enum reel_status told_trait(const struct reel_trait *trait,
                                          const struct reel_where *where, void *payload,
                                          struct reel_error *err)
{
    (void)where, (void)err;
    told_print(payload, "trait %s %s=%s\n", trait->viewer, trait->name, trait->value);
    return REEL_OK;
}

static inline enum reel_status told_triple(const struct reel_triple *triple,
                                           const struct reel_where *where, void *payload,
                                           struct reel_error *err)
{
    (void)where, (void)err;
    told_print(payload, "triple %s %s %s\n", triple->head, triple->relation,
               triple->tail);
    return REEL_OK;
}

static inline enum reel_status told_refused(const struct reel_where *where,
                                            const char *reason, void *payload,
                                            struct reel_error *err)
{
    (void)err;
    told_print(payload, "refused %s:%lld %s\n", where->file, (long long)where->line,
               reason);
    return REEL_OK;
}

static inline struct reel_sink told_sink(struct told *told)
{
    return (struct reel_sink){
        .film = told_film,
        .event = told_event,
        .trait = told_trait,
        .triple = told_triple,
        .refused = told_refused,
        .payload = told,
    };
}

static inline void told_init(struct told *told)
{
    *told = (struct told){.rc = REEL_OK};
    base_buffer_init(&told->text, 64 << 20);
}

/** Read `n` members held in memory as one source. Viewer NULL: none. */
static inline void told_read_members(struct told *told, const char *format,
                                     const char *viewer,
                                     const struct catalog_memory *member, int32_t n)
{
    struct reel_read_options opt = reel_read_options_default();
    opt.viewer = viewer;
    const struct reel_sink sink = told_sink(told);
    struct catalog_source *source = NULL;
    told->rc = catalog_source_open_memory(member, n, &opt, &source, &told->err);
    if (told->rc == REEL_OK) {
        told->rc = catalog_read_source(format, source, &opt, &sink, &told->err);
    }
    if (told->rc != REEL_OK) {
        told_print(told, "failed: %s\n", told->err.text);
    }
    catalog_source_close(source);
}

static inline void told_read(struct told *told, const char *format, const char *viewer,
                             const char *name, const char *text)
{
    const struct catalog_memory member = {
        .name = name, .data = text, .n_bytes = strlen(text)};
    told_read_members(told, format, viewer, &member, 1);
}

/** Read a file or folder below tests/data/catalog. */
static inline void told_read_path(struct told *told, const char *format,
                                  const char *viewer, const char *path)
{
    char whole[1024];
    (void)snprintf(whole, sizeof whole, "%s/catalog/%s", FORKREEL_TEST_DATA, path);
    struct reel_read_options opt = reel_read_options_default();
    opt.viewer = viewer;
    const struct reel_sink sink = told_sink(told);
    told->rc = reel_catalog_read(format, whole, &opt, &sink, &told->err);
    if (told->rc != REEL_OK) {
        told_print(told, "failed: %s\n", told->err.text);
    }
}

/** What was told is exactly `expected`; forget it. */
static inline void told_expect(struct told *told, const char *expected)
{
    assert_string_equal(base_buffer_text(&told->text), expected);
    base_buffer_release(&told->text);
}

/** `format` reads `text` named `name` for ann and tells exactly `expected`. */
static inline void expect_told(const char *format, const char *name, const char *text,
                               const char *expected)
{
    struct told told;
    told_init(&told);
    told_read(&told, format, "ann", name, text);
    told_expect(&told, expected);
}

/**
 * Fail every allocation in turn while reading: each time the status says so, until none fails.
 */
static inline void told_torture(const char *format, const char *viewer,
                                const struct catalog_memory *member, int32_t n)
{
    for (long i = 0;; i++) {
        struct told told;
        told_init(&told);
        base_alloc_fail_after(i);
        told_read_members(&told, format, viewer, member, n);
        base_alloc_fail_after(-1);
        base_buffer_release(&told.text);
        if (told.rc == REEL_OK) {
            assert_true(i > 2);
            break;
        }
        assert_int_equal(told.rc, REEL_ENOMEM);
    }
}

#endif
