/**
 * Any bytes through the reader of FUZZ_FORMAT, from memory; compiled once per format.
 *
 * Bytes that are packed are one file. Others are a folder when they hold lines
 * "=== NAME": what follows such a line is the member NAME. Whatever the reader hands on must
 * keep the promises of catalog.h.
 */
#include "catalog_read.h"

#include "base_text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MEMBERS_MAX = 16, NAME_BYTES = 64 };

static void must(bool promise)
{
    if (!promise) {
        abort();
    }
}

static void must_be_text(const char *text)
{
    size_t bad;
    must(!text || base_utf8_check(text, strlen(text), &bad));
}

static void check_ref(const struct reel_film_ref *ref)
{
    must_be_text(ref->source);
    must_be_text(ref->id);
    must_be_text(ref->title);
    must_be_text(ref->douban);
    must(ref->id || ref->title || ref->imdb || ref->tmdb > 0 || ref->douban);
    must(!ref->id || (ref->source && *ref->source && *ref->id));
    must(!ref->imdb || (strncmp(ref->imdb, "tt", 2) == 0 && strlen(ref->imdb) >= 9));
    must(ref->tmdb >= 0);
    must(ref->year == REEL_YEAR_UNKNOWN || (ref->year >= 1870 && ref->year <= 2100));
}

static enum reel_status take_film(const struct reel_film *film,
                                  const struct reel_where *where, void *payload,
                                  struct reel_error *err)
{
    (void)where, (void)payload, (void)err;
    check_ref(&film->ref);
    const char *const text[] = {film->title_original, film->language, film->overview,
                                film->tagline, film->age_rating};
    for (size_t i = 0; i < sizeof text / sizeof text[0]; i++) {
        must_be_text(text[i]);
    }
    must(film->runtime_min >= 0 && film->n_votes >= 0);
    must(isnan(film->vote_mean) || (film->vote_mean >= 0 && film->vote_mean <= 10));
    for (int32_t i = 0; i < film->n_titles; i++) {
        must(film->titles[i].text != NULL);
        must_be_text(film->titles[i].text);
    }
    const char *const *const list[] = {film->genres, film->keywords, film->countries};
    const int32_t n[] = {film->n_genres, film->n_keywords, film->n_countries};
    for (size_t k = 0; k < sizeof list / sizeof list[0]; k++) {
        for (int32_t i = 0; i < n[k]; i++) {
            must(list[k][i] != NULL);
            must_be_text(list[k][i]);
        }
    }
    for (int32_t i = 0; i < film->n_people; i++) {
        must(film->people[i].name != NULL);
        must_be_text(film->people[i].name);
        must_be_text(film->people[i].character);
    }
    for (int32_t i = 0; i < film->n_links; i++) {
        must_be_text(film->links[i].site);
        must_be_text(film->links[i].value);
    }
    return REEL_OK;
}

static enum reel_status take_event(const struct reel_event *event,
                                   const struct reel_where *where, void *payload,
                                   struct reel_error *err)
{
    (void)where, (void)payload, (void)err;
    check_ref(&event->film);
    must(event->viewer && *event->viewer);
    must_be_text(event->viewer);
    must_be_text(event->text);
    must(event->kind >= REEL_EVENT_RATE && event->kind <= REEL_EVENT_REVIEW);
    const bool has_text =
        event->kind == REEL_EVENT_TAG || event->kind == REEL_EVENT_REVIEW;
    must(has_text == (event->text != NULL));
    must(event->kind != REEL_EVENT_RATE || (event->value >= 0.5 && event->value <= 5));
    must(event->kind != REEL_EVENT_WATCH || isnan(event->value) ||
         (event->value >= 0 && event->value <= 1));
    must(event->at_s == REEL_TIME_UNKNOWN ||
         (event->at_s >= -3155673600 && event->at_s < 32503680000));
    return REEL_OK;
}

static enum reel_status take_trait(const struct reel_trait *trait,
                                   const struct reel_where *where, void *payload,
                                   struct reel_error *err)
{
    (void)where, (void)payload, (void)err;
    must(*trait->viewer && *trait->name && *trait->value);
    must_be_text(trait->viewer);
    must_be_text(trait->name);
    must_be_text(trait->value);
    return REEL_OK;
}

static enum reel_status take_triple(const struct reel_triple *triple,
                                    const struct reel_where *where, void *payload,
                                    struct reel_error *err)
{
    (void)where, (void)payload, (void)err;
    must_be_text(triple->head);
    must_be_text(triple->relation);
    must_be_text(triple->tail);
    return REEL_OK;
}

static enum reel_status take_refused(const struct reel_where *where, const char *reason,
                                     void *payload, struct reel_error *err)
{
    (void)payload, (void)err;
    must(where->file && reason && *reason);
    return REEL_OK;
}

// Cut at lines "=== NAME"; without one, all is one file.
static int32_t cut_members(const char *data, size_t n, char name[][NAME_BYTES],
                           struct catalog_memory *member)
{
    static const char mark[] = "=== ";
    const size_t n_mark = sizeof mark - 1;
    const char *const end = data + n;
    int32_t n_members = 0;
    member[0] = (struct catalog_memory){.name = "input", .data = data, .n_bytes = n};
    for (const char *line = data; line < end && n_members < MEMBERS_MAX;) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        const char *next = stop ? stop + 1 : end;
        if ((size_t)(next - line) > n_mark && memcmp(line, mark, n_mark) == 0) {
            if (n_members > 0) {
                const char *begin = member[n_members - 1].data;
                member[n_members - 1].n_bytes = (size_t)(line - begin);
            }
            (void)snprintf(name[n_members], NAME_BYTES, "%.*s",
                           (int)(next - line - (ptrdiff_t)n_mark - (stop != NULL)),
                           line + n_mark);
            member[n_members] = (struct catalog_memory){
                .name = name[n_members], .data = next, .n_bytes = (size_t)(end - next)};
            n_members++;
        }
        line = next;
    }
    return n_members > 0 ? n_members : 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    const struct reel_sink sink = {
        .film = take_film,
        .event = take_event,
        .trait = take_trait,
        .triple = take_triple,
        .refused = take_refused,
    };
    struct reel_read_options opt = reel_read_options_default();
    opt.viewer = n % 2 ? "ann" : NULL;
    opt.max_line_bytes = 1 << 12;
    opt.max_member_bytes = 1 << 22;
    char name[MEMBERS_MAX][NAME_BYTES];
    struct catalog_memory member[MEMBERS_MAX];
    const int32_t n_members = cut_members((const char *)data, n, name, member);
    struct catalog_source *source;
    struct reel_error err = {.code = REEL_OK};
    enum reel_status rc =
        catalog_source_open_memory(member, n_members, &opt, &source, &err);
    if (rc == REEL_OK) {
        rc = catalog_read_source(FUZZ_FORMAT, source, &opt, &sink, &err);
        if (rc == REEL_EINVAL && !opt.viewer) {
            opt.viewer = "ann";
            rc = catalog_read_source(FUZZ_FORMAT, source, &opt, &sink, &err);
        }
        catalog_source_close(source);
    }
    must(rc == REEL_OK || (err.text[0] && err.code == rc));
    return 0;
}
