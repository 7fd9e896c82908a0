/**
 * The tree as a picture: columns from left to right, one box for each node with its choice,
 * its text and its numbers, coloured by how much the viewer would like it. The best path is
 * drawn strong, a way that comes from another branch dotted.
 */
#include "plot_format.h"
#include "plot_format_layout.h"

#include "base_alloc.h"
#include "base_error.h"

#include <math.h>
#include <string.h>

enum {
    BOX_WIDTH = 264,
    STEP_X = 340, /* from one column to the next */
    GAP_Y = 18,
    PAD = 10,
    CHOICE_SIZE = 13,
    TEXT_SIZE = 12,
    NOTE_SIZE = 10,
    LINE_Y = 16,
    CHOICE_LINES_MAX = 3,
    TEXT_LINES_MAX = 14,
    MARGIN = 32,
    HEAD_Y = 112, /* title and legend */
    MIN_WIDTH = 900,
};

#define INK "#1d2228"
#define INK_PALE "#59626d"
#define LINE "#8b949e"
#define STRONG "#0b5f8a"
#define MEETING "#7a5ea8"

struct drawing {
    const struct reel_story *story;
    struct plot_story_links links;
    struct plot_layout layout;
    double *height; /* (n_nodes) of the box */
    int32_t *step;  /* (n_nodes) on the best path, from 1; 0 beside it */
    FILE *out;
};

/** In em; a little less than there is, because fonts differ and bold ones are wider. */
static double text_width(int size)
{
    return (size == CHOICE_SIZE ? .84 : .93) * (BOX_WIDTH - 2 * PAD) / size;
}

static double left_of(const struct drawing *d, int32_t i)
{
    return MARGIN + d->layout.column[i] * (double)STEP_X;
}

static double top_of(const struct drawing *d, int32_t i)
{
    return HEAD_Y + d->layout.top[i];
}

static double box_height(const struct reel_story_node *node)
{
    const int32_t n_choice =
        node->choice
            ? plot_format_lines(node->choice, text_width(CHOICE_SIZE), CHOICE_LINES_MAX)
            : 0;
    const int32_t n_text =
        plot_format_lines(node->text, text_width(TEXT_SIZE), TEXT_LINES_MAX);
    return 2 * PAD + LINE_Y * (n_choice + n_text + 1 + node->is_ending) +
           (n_choice ? 4 : 0);
}

/** Lines of text from `y` on; gives where the next one would be. */
static double put_lines(const struct drawing *d, const char *text, double x, double y,
                        int size, const char *style, int32_t n_max)
{
    struct plot_format_line line = {.rest = text};
    for (int32_t n = 0; n < n_max && plot_format_line_next(&line, text_width(size));
         n++) {
        char piece[512];
        const bool is_cut = n == n_max - 1 && line.rest[strspn(line.rest, " \n")];
        snprintf(piece, sizeof piece, "%.*s", (int)line.n_bytes, line.text);
        y += LINE_Y;
        fprintf(d->out, "<text x=\"%.0f\" y=\"%.1f\" font-size=\"%d\" %s>", x, y, size,
                style);
        plot_format_put_xml(d->out, piece);
        fputs(is_cut ? " …</text>\n" : "</text>\n", d->out);
    }
    return y;
}

/** "4 · liked 62 % · planned 20 % · the model's words" */
static void put_note(const struct drawing *d, int32_t i, double x, double y)
{
    const struct reel_story *story = d->story;
    const struct reel_story_node *node = &story->node[i];
    fprintf(d->out, "<text x=\"%.0f\" y=\"%.1f\" font-size=\"%d\" fill=\"%s\">%d", x, y,
            NOTE_SIZE, INK_PALE, i);
    if (!isnan(node->p_like)) {
        fprintf(d->out, " · %s %.0f %%", PLOT_SAY(story, "liked", "喜欢度"),
                100 * node->p_like);
    }
    if (!isnan(node->p_plan)) {
        fprintf(d->out, " · %s %.0f %%", PLOT_SAY(story, "plan", "计划"),
                100 * node->p_plan);
    }
    fprintf(d->out, " · %s", plot_format_provenance_label(story, node->provenance));
    fputs("</text>\n", d->out);
}

static void put_frame(FILE *out, double x, double y, double width, double height,
                      const char *fill, bool is_planned, bool is_best)
{
    fprintf(out,
            "<rect x=\"%.0f\" y=\"%.1f\" width=\"%.0f\" height=\"%.1f\" rx=\"7\" "
            "fill=\"%s\" stroke=\"%s\" stroke-width=\"%s\"%s/>\n",
            x, y, width, height, fill, is_best ? STRONG : LINE, is_best ? "2" : "1.2",
            is_planned ? " stroke-dasharray=\"5 4\"" : "");
}

static void put_box(const struct drawing *d, int32_t i)
{
    const struct reel_story_node *node = &d->story->node[i];
    const double x = left_of(d, i), y = top_of(d, i), height = d->height[i];
    const struct plot_format_colour colour = plot_format_colour(node->p_like);
    fputs("<g><title>", d->out);
    plot_format_put_xml(d->out, node->text);
    fputs("</title>\n", d->out);
    if (node->is_ending) { // a second frame around
        put_frame(d->out, x - 4, y - 4, BOX_WIDTH + 8, height + 8, "none", false,
                  d->step[i] > 0);
    }
    put_frame(d->out, x, y, BOX_WIDTH, height, colour.fill,
              node->provenance == REEL_BY_TEMPLATE, d->step[i] > 0);
    double line = y + PAD - 4;
    if (node->choice) {
        line = put_lines(d, node->choice, x + PAD, line, CHOICE_SIZE,
                         "font-weight=\"bold\"", CHOICE_LINES_MAX) +
               4;
    }
    line = put_lines(d, node->text, x + PAD, line, TEXT_SIZE, "", TEXT_LINES_MAX);
    if (node->is_ending) {
        put_lines(d, plot_format_ending_label(d->story, node->ending), x + PAD, line,
                  TEXT_SIZE, "font-weight=\"bold\" fill=\"" STRONG "\"", 1);
    }
    put_note(d, i, x + PAD, y + height - PAD);
    fputs("</g>\n", d->out);
}

static void put_edge(const struct drawing *d, int32_t from, int32_t to)
{
    const double x0 = left_of(d, from) + BOX_WIDTH,
                 y0 = top_of(d, from) + d->height[from] / 2,
                 x1 = left_of(d, to) - (d->story->node[to].is_ending ? 5 : 1),
                 y1 = top_of(d, to) + d->height[to] / 2, bend = (x1 - x0) / 2;
    const bool is_best = d->step[from] && d->step[to] == d->step[from] + 1,
               is_meeting = d->layout.beside[to] != from;
    fprintf(d->out,
            "<path d=\"M%.0f %.1fC%.0f %.1f %.0f %.1f %.0f %.1f\" fill=\"none\" "
            "stroke=\"%s\" stroke-width=\"%s\"%s marker-end=\"url(#%s)\"/>\n",
            x0, y0, x0 + bend, y0, x1 - bend, y1, x1, y1,
            is_best      ? STRONG
            : is_meeting ? MEETING
                         : LINE,
            is_best      ? "2.4"
            : is_meeting ? "1.8"
                         : "1.2",
            is_meeting ? " stroke-dasharray=\"1.5 4\"" : "",
            is_best ? "strong" : "arrow");
}

static double put_legend_text(const struct drawing *d, double x, const char *text)
{
    const double y = HEAD_Y - 40;
    double width;
    fprintf(d->out, "<text x=\"%.0f\" y=\"%.0f\" font-size=\"11\" fill=\"%s\">", x, y,
            INK_PALE);
    plot_format_put_xml(d->out, text);
    fputs("</text>\n", d->out);
    for (width = 1; plot_format_lines(text, width, 2) > 1; width++) {
    }
    return x + 11 * width + 22;
}

static void put_legend(const struct drawing *d)
{
    const struct reel_story *story = d->story;
    const double y = HEAD_Y - 52;
    double x = MARGIN;
    bool has_likes = false, has_meetings = false;
    for (int32_t i = 0; i < story->n_nodes; i++) {
        has_likes = has_likes || !isnan(story->node[i].p_like);
        has_meetings = has_meetings || story->node[i].n_parents > 1;
    }
    for (int step = 0; has_likes && step <= 6; step++) {
        fprintf(d->out,
                "<rect x=\"%.0f\" y=\"%.0f\" width=\"16\" height=\"15\" fill=\"%s\"/>\n",
                x, y, plot_format_colour(.2 + .1 * step).fill);
        x += 16;
    }
    if (has_likes) {
        x = put_legend_text(d, x + 6,
                            PLOT_SAY(story, "liked: 20 % and less to 80 % and more",
                                     "喜欢度：20 % 以下到 80 % 以上"));
    }
    put_frame(d->out, x, y, 24, 15, "#ffffff", true, false);
    x = put_legend_text(d, x + 30,
                        PLOT_SAY(story, "the planned sentence alone", "只有计划句"));
    put_frame(d->out, x, y, 24, 15, "none", false, false);
    put_frame(d->out, x + 3, y + 3, 18, 9, "none", false, false);
    x = put_legend_text(d, x + 30, PLOT_SAY(story, "an ending", "结局"));
    fprintf(d->out, "<path d=\"M%.0f %.0fh24\" stroke=\"%s\" stroke-width=\"2.4\"/>\n", x,
            y + 8, STRONG);
    x = put_legend_text(d, x + 30, PLOT_SAY(story, "the best way", "最佳路线"));
    if (has_meetings) {
        fprintf(d->out,
                "<path d=\"M%.0f %.0fh24\" stroke=\"%s\" stroke-width=\"1.8\" "
                "stroke-dasharray=\"1.5 4\"/>\n",
                x, y + 8, MEETING);
        put_legend_text(d, x + 30, PLOT_SAY(story, "branches meet", "分支汇合"));
    }
}

static void put_head(const struct drawing *d)
{
    const struct reel_story *story = d->story;
    const double width =
        2 * MARGIN + (d->layout.n_columns - 1) * (double)STEP_X + BOX_WIDTH;
    const double height = HEAD_Y + d->layout.height + MARGIN;
    fprintf(d->out,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
            "<svg xmlns=\"http://www.w3.org/2000/svg\" xml:lang=\"%s\" lang=\"%s\" "
            "width=\"%.0f\" height=\"%.0f\" viewBox=\"0 0 %.0f %.0f\" role=\"img\" "
            "aria-labelledby=\"title\" fill=\"%s\" font-family=\"Helvetica, Arial, "
            "'Noto Sans CJK SC', 'PingFang SC', 'Microsoft YaHei', sans-serif\">\n"
            "<title id=\"title\">",
            story->language, story->language, fmax(width, MIN_WIDTH), height,
            fmax(width, MIN_WIDTH), height, INK);
    plot_format_put_xml(d->out, story->title);
    fputs("</title>\n<defs>\n", d->out);
    for (int strong = 0; strong < 2; strong++) {
        fprintf(d->out,
                "<marker id=\"%s\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" "
                "markerUnits=\"userSpaceOnUse\" markerWidth=\"9\" markerHeight=\"9\" "
                "orient=\"auto\"><path d=\"M0 0L8 4L0 8Z\" fill=\"%s\"/></marker>\n",
                strong ? "strong" : "arrow", strong ? STRONG : LINE);
    }
    fprintf(d->out,
            "</defs>\n<rect width=\"100%%\" height=\"100%%\" fill=\"#ffffff\"/>\n"
            "<text x=\"%d\" y=\"40\" font-size=\"22\" font-weight=\"bold\">",
            MARGIN);
    plot_format_put_xml(d->out, story->title);
    fputs("</text>\n", d->out);
    if (story->viewer) {
        fprintf(d->out,
                "<text x=\"%.0f\" y=\"40\" text-anchor=\"end\" font-size=\"13\" "
                "fill=\"%s\">%s",
                fmax(width, MIN_WIDTH) - MARGIN, INK_PALE,
                PLOT_SAY(story, "for ", "为 "));
        plot_format_put_xml(d->out, story->viewer);
        fputs("</text>\n", d->out);
    }
}

static enum reel_status drawing_init(struct drawing *d, struct reel_error *err)
{
    const size_t n = (size_t)d->story->n_nodes;
    double *room = base_alloc_array(n, sizeof *room);
    int32_t *path = base_alloc_array(n, sizeof *path);
    d->height = base_alloc_array(n, sizeof *d->height);
    d->step = base_alloc_zeroed(n, sizeof *d->step);
    enum reel_status rc = room && path && d->height && d->step
                              ? plot_story_links_init(&d->links, d->story, err)
                              : fail(err, REEL_ENOMEM, "a picture of %zu nodes", n);
    if (rc == REEL_OK) {
        for (size_t i = 0; i < n; i++) {
            d->height[i] = box_height(&d->story->node[i]);
            room[i] = d->height[i] + GAP_Y;
        }
        const int32_t n_path = reel_story_best_path(d->story, path, (int32_t)n);
        for (int32_t i = 0; i < n_path; i++) {
            d->step[path[i]] = i + 1;
        }
        rc = plot_layout_init(&d->layout, d->story, &d->links, room, err);
    }
    base_free(room);
    base_free(path);
    return rc;
}

enum reel_status plot_format_svg_write(const struct reel_story *story, FILE *out,
                                       struct reel_error *err)
{
    struct drawing d = {.story = story, .out = out};
    const enum reel_status rc = drawing_init(&d, err);
    if (rc == REEL_OK) {
        put_head(&d);
        put_legend(&d);
        for (int32_t i = 1; i < story->n_nodes; i++) {
            for (int32_t p = 0; p < story->node[i].n_parents; p++) {
                put_edge(&d, story->node[i].parent[p], i);
            }
        }
        for (int32_t i = 0; i < story->n_nodes; i++) {
            put_box(&d, i);
        }
        fputs("</svg>\n", out);
    }
    plot_layout_release(&d.layout);
    plot_story_links_release(&d.links);
    base_free(d.height);
    base_free(d.step);
    return rc;
}
