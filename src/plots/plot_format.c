/**
 * The list of formats, and what several of them need.
 */
#include "plot_format.h"

#include "base_error.h"
#include "base_file.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct reel_story_format formats[] = {
    {"json", ".story.json", "everything, to read back: docs/stories.md"},
    {"twee", ".twee", "Twine and other Twee 3 tools"},
    {"dot", ".dot", "the tree for Graphviz"},
    {"svg", ".svg", "the tree as a picture"},
    {"html", ".html", "one page that plays the story, without a network"},
};
static plot_format_writer *const writers[] = {
    plot_format_json_write, plot_format_twee_write, plot_format_dot_write,
    plot_format_svg_write,  plot_format_html_write,
};
enum { N_FORMATS = sizeof formats / sizeof *formats };

const struct reel_story_format *reel_story_formats(int32_t *n)
{
    *n = N_FORMATS;
    return formats;
}

static enum reel_status format_find(const char *name, plot_format_writer **writer,
                                    struct reel_error *err)
{
    char names[128] = "";
    size_t n = 0;
    for (size_t i = 0; i < N_FORMATS; i++) {
        if (!strcmp(formats[i].name, name)) {
            *writer = writers[i];
            return REEL_OK;
        }
        n += (size_t)snprintf(names + n, sizeof names - n, "%s%s", i ? ", " : "",
                              formats[i].name);
    }
    return fail(err, REEL_EINVAL, "there is no format '%.40s'; there are %s", name,
                names);
}

enum reel_status reel_story_write(const struct reel_story *story, const char *format,
                                  FILE *out, struct reel_error *err)
{
    plot_format_writer *writer;
    enum reel_status rc = format_find(format, &writer, err);
    rc = rc ? rc : writer(story, out, err);
    if (rc == REEL_OK && (fflush(out) || ferror(out))) {
        rc = fail(err, REEL_EIO, "%s: %s", story->id, strerror(errno));
    }
    return rc;
}

enum reel_status reel_story_export(const struct reel_story *story, const char *format,
                                   const char *path, struct reel_error *err)
{
    struct base_file_writer file = {0};
    plot_format_writer *writer;
    enum reel_status rc = format_find(format, &writer, err);
    rc = rc ? rc : base_file_writer_open(&file, path, err);
    if (rc) {
        return rc;
    }
    rc = writer(story, file.out, err);
    rc = rc ? rc : base_file_writer_close(&file, err);
    base_file_writer_abort(&file);
    return rc;
}

enum reel_status reel_story_save(const struct reel_story *story, const char *path,
                                 struct reel_error *err)
{
    const enum reel_status rc = reel_story_check(story, err);
    return rc ? rc : reel_story_export(story, "json", path, err);
}

/* ---- shared by formats ---- */

void plot_format_put_json(FILE *out, const char *text, bool for_script)
{
    static const char *const line_ends[] = {"\xe2\x80\xa8", "\xe2\x80\xa9"};
    fputc('"', out);
    for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
        if (*at == '"' || *at == '\\') {
            fprintf(out, "\\%c", *at);
        } else if (*at == '\n') {
            fputs("\\n", out);
        } else if (*at < 0x20 || *at == 0x7f ||
                   (for_script && (*at == '<' || *at == '>' || *at == '&'))) {
            fprintf(out, "\\u%04x", *at);
        } else if (for_script && (!strncmp((const char *)at, line_ends[0], 3) ||
                                  !strncmp((const char *)at, line_ends[1], 3))) {
            fprintf(out, "\\u202%c", at[2] == 0xa8 ? '8' : '9');
            at += 2;
        } else {
            fputc(*at, out);
        }
    }
    fputc('"', out);
}

void plot_format_put_number(FILE *out, double value)
{
    char text[40];
    if (!isfinite(value)) {
        fputs("null", out);
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value) {
            break;
        }
    }
    for (char *at = text; *at; at++) { // another locale's decimal point
        if (!strchr("0123456789+-e", *at)) {
            *at = '.';
        }
    }
    fputs(value == 0 && signbit(value) ? "-0.0" : text, out);
}

void plot_format_put_xml(FILE *out, const char *text)
{
    for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
        switch (*at) {
        case '&':
            fputs("&amp;", out);
            break;
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        case '"':
            fputs("&quot;", out);
            break;
        default:
            // U+FFFE and U+FFFF are not characters of XML
            if (at[0] == 0xef && at[1] == 0xbf && (at[2] == 0xbe || at[2] == 0xbf)) {
                at += 2;
            } else if (*at >= 0x20 || *at == '\n' || *at == '\t') {
                fputc(*at, out);
            }
        }
    }
}

const char *plot_format_provenance_label(const struct reel_story *story,
                                         enum reel_provenance provenance)
{
    switch (provenance) {
    case REEL_BY_OPENING:
        return PLOT_SAY(story, "opening", "开头");
    case REEL_BY_MODEL:
        return PLOT_SAY(story, "model's words", "模型所写");
    case REEL_BY_TEMPLATE:
        return PLOT_SAY(story, "planned sentence", "计划句");
    case REEL_BY_PERSON:
        return PLOT_SAY(story, "a person's words", "人所写");
    }
    return "";
}

const char *plot_format_ending_label(const struct reel_story *story, const char *ending)
{
    static const char *const labels[][3] = {
        {"happy", "happy ending", "圆满结局"},
        {"bittersweet", "bittersweet ending", "苦乐参半的结局"},
        {"tragic", "tragic ending", "悲剧结局"},
        {"open", "open ending", "开放式结局"},
    };
    for (size_t i = 0; ending && i < sizeof labels / sizeof *labels; i++) {
        if (!strcmp(labels[i][0], ending)) {
            return PLOT_SAY(story, labels[i][1], labels[i][2]);
        }
    }
    return PLOT_SAY(story, "an ending", "结局");
}
