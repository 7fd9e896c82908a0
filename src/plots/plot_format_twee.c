/**
 * Twee 3 (specification 3.0.2): a passage for each node, a link for each choice, read by
 * Twine, Tweego and Extwee. Text is words, not markup: what Harlowe or SugarCube would act
 * on is written as a character reference, and in a link by its look-alike, because the text
 * of a link is taken as it stands.
 */
#include "plot_format.h"
#include "plot_format_layout.h"

#include "base_alloc.h"
#include "base_error.h"

#include <inttypes.h>
#include <string.h>

enum { NAME_BYTES = 96, STEP_X = 200, STEP_Y = 150 };

/** What would be markup at this place: `at` is inside `text`, `is_first` of its line. */
static bool is_markup(const char *text, const char *at, bool is_first)
{
    if (strchr("<>&[]{}$_*/~^@=#|\\`%", *at)) {
        return true;
    }
    if (*at == '\'' || *at == '"' || *at == '-') { // two together mean something
        return at[1] == *at || (at > text && at[-1] == *at);
    }
    if (*at == '(') { // a macro: (name:
        const size_t n = strspn(at + 1, "abcdefghijklmnopqrstuvwxyz"
                                        "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-");
        return n > 0 && at[1 + n] == ':';
    }
    return is_first && strchr(":!0+-", *at);
}

static void put_text(FILE *out, const char *text)
{
    bool is_first = true;
    for (const char *at = text; *at; at++) {
        const unsigned char c = (unsigned char)*at;
        if (c >= 0x20 && is_markup(text, at, is_first)) {
            fprintf(out, "&#%d;", c);
        } else if (c >= 0x20 || c == '\n') {
            fputc(c, out);
        }
        is_first = c == '\n' || (is_first && c == ' ');
    }
}

/** A text for inside [[ ]], as a link or as the name of a passage. */
static void put_plain(FILE *out, const char *text, size_t n_bytes_max)
{
    static const struct {
        char from;
        const char *to;
    } alike[] = {{'[', "("},  {']', ")"},  {'{', "("},  {'}', ")"}, {'<', "‹"},
                 {'>', "›"},  {'|', "/"},  {'\\', "/"}, {'"', "'"}, {'\n', " "},
                 {'\t', " "}, {'$', "＄"}, {'`', "'"}};
    const char *end = text + strlen(text);
    if (text + n_bytes_max < end) { // not inside a character
        for (end = text + n_bytes_max; ((unsigned char)*end & 0xc0) == 0x80; end--) {
        }
    }
    for (const char *at = text; at < end; at++) {
        const char *other = NULL;
        for (size_t i = 0; i < sizeof alike / sizeof *alike; i++) {
            other = alike[i].from == *at ? alike[i].to : other;
        }
        if (other) {
            fputs(other, out);
        } else if ((unsigned char)*at >= 0x20) {
            fputc(*at, out);
        }
    }
    fputs(*end ? "…" : "", out);
}

/** "4 Trust Otto": the number makes it unique, the rest is for the map. */
static void put_name(const struct reel_story *story, int32_t i, FILE *out)
{
    fprintf(out, "%d ", i);
    put_plain(out, i ? story->node[i].choice : story->title, NAME_BYTES);
}

static uint64_t scramble(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9; // splitmix64
    x = (x ^ x >> 27) * 0x94d049bb133111eb;
    return x ^ x >> 31;
}

/** A UUID of version 4 in upper case, always the same for one story. */
static void put_ifid(const struct reel_story *story, FILE *out)
{
    uint64_t hash = 0xcbf29ce484222325;
    for (const char *at = story->id; *at; at++) {
        hash = (hash ^ (unsigned char)*at) * 0x100000001b3;
    }
    const uint64_t high = (scramble(hash) & ~0xf000ull) | 0x4000;
    const uint64_t low = (scramble(hash + 0x9e3779b97f4a7c15) >> 2) | 1ull << 63;
    fprintf(out, "%08" PRIX64 "-%04" PRIX64 "-%04" PRIX64 "-%04" PRIX64 "-%012" PRIX64,
            high >> 32, high >> 16 & 0xffff, high & 0xffff, low >> 48,
            low & 0xffffffffffff);
}

static void put_head(const struct reel_story *story, FILE *out)
{
    fputs(":: StoryTitle\n", out);
    for (const char *at = story->title; *at; at++) {
        fputc((unsigned char)*at < 0x20 ? ' ' : *at, out);
    }
    fputs("\n\n:: StoryData\n{\n  \"ifid\": \"", out);
    put_ifid(story, out);
    fputs("\",\n  \"format\": \"SugarCube\",\n  \"format-version\": \"2.36.1\",\n"
          "  \"start\": \"",
          out);
    put_name(story, 0, out); // has neither quotes nor backslashes
    fputs("\",\n  \"tag-colors\": {\"ending\": \"green\", \"planned\": \"gray\"},\n"
          "  \"zoom\": 1\n}\n",
          out);
}

static void put_passage(const struct reel_story *story,
                        const struct plot_story_links *links,
                        const struct plot_layout *layout, int32_t i, FILE *out)
{
    const struct reel_story_node *node = &story->node[i];
    fputs("\n:: ", out);
    put_name(story, i, out);
    if (node->is_ending || node->provenance == REEL_BY_TEMPLATE) {
        fprintf(out, " [%s%s%s]", node->is_ending ? "ending" : "",
                node->is_ending && node->provenance == REEL_BY_TEMPLATE ? " " : "",
                node->provenance == REEL_BY_TEMPLATE ? "planned" : "");
    }
    fprintf(out, " {\"position\":\"%d,%d\",\"size\":\"100,100\"}\n",
            100 + layout->column[i] * STEP_X, 100 + (int)layout->top[i]);
    put_text(out, node->text);
    fputs("\n", out);
    for (int32_t c = links->start[i]; c < links->start[i + 1]; c++) {
        const int32_t child = links->child[c];
        fputs(c == links->start[i] ? "\n[[" : "[[", out);
        put_plain(out, story->node[child].choice, SIZE_MAX / 2);
        fputs("->", out);
        put_name(story, child, out);
        fputs("]]\n", out);
    }
    if (node->is_ending) {
        fprintf(out, "\n(%s)\n", plot_format_ending_label(story, node->ending));
    }
}

enum reel_status plot_format_twee_write(const struct reel_story *story, FILE *out,
                                        struct reel_error *err)
{
    struct plot_story_links links = {0};
    struct plot_layout layout = {0};
    double *height = base_alloc_array((size_t)story->n_nodes, sizeof *height);
    enum reel_status rc =
        height ? plot_story_links_init(&links, story, err)
               : fail(err, REEL_ENOMEM, "twee of %d nodes", story->n_nodes);
    for (int32_t i = 0; height && i < story->n_nodes; i++) {
        height[i] = STEP_Y;
    }
    rc = rc ? rc : plot_layout_init(&layout, story, &links, height, err);
    if (rc == REEL_OK) {
        put_head(story, out);
        for (int32_t i = 0; i < story->n_nodes; i++) {
            put_passage(story, &links, &layout, i, out);
        }
    }
    plot_layout_release(&layout);
    plot_story_links_release(&links);
    base_free(height);
    return rc;
}
