/**
 * The tree for Graphviz: boxes coloured by p_like, dashed where the text is only the
 * planned sentence, doubled where it ends; the whole text stands in the tooltip.
 */
#include "plot_format.h"

#include <math.h>
#include <string.h>

enum { LINE_COLUMNS = 30, LINES_MAX = 4 };

static void put_quoted(FILE *out, const char *text)
{
    for (const char *at = text; *at; at++) {
        if (*at == '"' || *at == '\\') {
            fputc('\\', out);
        }
        if (*at == '\n') {
            fputs("\\n", out);
        } else if ((unsigned char)*at >= 0x20) {
            fputc(*at, out);
        }
    }
}

/** Wrapped at blanks and between Chinese characters, at most LINES_MAX lines. */
static void put_wrapped(FILE *out, const char *text)
{
    struct plot_format_line line = {.rest = text};
    for (int32_t n = 0; plot_format_line_next(&line, LINE_COLUMNS / 2.); n++) {
        if (n == LINES_MAX) {
            fputs("…\\n", out);
            break;
        }
        char piece[4 * LINE_COLUMNS + 1];
        snprintf(piece, sizeof piece, "%.*s", (int)line.n_bytes, line.text);
        put_quoted(out, piece);
        fputs("\\n", out);
    }
}

static void put_node(const struct reel_story *story, int32_t i, FILE *out)
{
    const struct reel_story_node *node = &story->node[i];
    fprintf(out, "  n%d [label=\"", i);
    put_wrapped(out, node->text);
    if (!isnan(node->p_like)) {
        fprintf(out, "%s %.0f%%\\n", PLOT_SAY(story, "liked", "喜欢度"),
                100 * node->p_like);
    }
    if (node->is_ending) {
        put_quoted(out, plot_format_ending_label(story, node->ending));
    }
    fputs("\", tooltip=\"", out);
    put_quoted(out, node->text);
    fprintf(out, "\", style=\"%s\", fillcolor=\"%s\"%s];\n",
            node->provenance == REEL_BY_TEMPLATE ? "filled,dashed" : "filled",
            plot_format_colour(node->p_like).fill,
            node->is_ending ? ", peripheries=2" : "");
}

static void put_edges(const struct reel_story *story, int32_t i, FILE *out)
{
    const struct reel_story_node *node = &story->node[i];
    for (int32_t p = 0; p < node->n_parents; p++) {
        fprintf(out, "  n%d -> n%d [label=\"", node->parent[p], i);
        put_wrapped(out, node->choice);
        fputs("\"];\n", out);
    }
}

enum reel_status plot_format_dot_write(const struct reel_story *story, FILE *out,
                                       struct reel_error *err)
{
    (void)err;
    fputs("digraph story {\n  graph [rankdir=LR, labelloc=t, label=\"", out);
    put_quoted(out, story->title);
    fputs("\", fontname=\"Helvetica,Noto Sans CJK SC,sans-serif\", fontsize=20];\n"
          "  node [shape=box, fontname=\"Helvetica,Noto Sans CJK SC,sans-serif\", "
          "fontsize=11];\n"
          "  edge [fontname=\"Helvetica,Noto Sans CJK SC,sans-serif\", fontsize=10];\n",
          out);
    for (int32_t i = 0; i < story->n_nodes; i++) {
        put_node(story, i, out);
    }
    for (int32_t i = 1; i < story->n_nodes; i++) {
        put_edges(story, i, out);
    }
    fputs("}\n", out);
    return REEL_OK;
}
